// The recipes of the container images, by linters, and what the two and the packages say about each other.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import Ajv from 'ajv/dist/2020.js';
import { validate } from 'dockerfile-utils';
import { parse } from 'yaml';

const run = promisify(execFile);
const contrib = (name) => fileURLToPath(new URL(`../../worker/contrib/${name}`, import.meta.url));
const inTests = (name) => fileURLToPath(new URL(`../node_modules/${name}`, import.meta.url));
const read = (path) => readFile(path, 'utf8');

// Instructions of a Dockerfile, continuation lines joined.
const instructions = (text) => text.replace(/^#.*\n/gm, '').replace(/\\\n\s*/g, '').split('\n').filter(Boolean);

test('the linter has nothing to say about the Dockerfile', async () => {
	const text = await read(contrib('Dockerfile'));
	assert.deepEqual(validate(text).map(({ message, range }) => `${range.start.line + 1}: ${message}`), []);
	assert.notEqual(validate(text.replace('USER postgres', 'USR postgres')).length, 0, 'the linter looks');
});

test('every image that is run has a user, a health check and no package lists', async () => {
	const stages = (await read(contrib('Dockerfile'))).split(/^(?=FROM )/m).slice(1)
		.map((text) => ({ name: /^FROM \S+ AS (\S+)/.exec(text)?.[1], lines: instructions(text) }));
	assert.deepEqual(stages.map(({ name }) => name), ['packages', 'base', 'postgres', 'worker']);
	for (const { name, lines } of stages.slice(2)) {
		const users = lines.filter((line) => line.startsWith('USER ')).map((line) => line.slice(5));
		assert.ok(users.length > 0 && users.at(-1) !== 'root', `${name} is not run by root`);
		assert.ok(lines.some((line) => line.startsWith('HEALTHCHECK ')), `${name} tells how it is`);
		assert.ok(lines.some((line) => /^ENTRYPOINT \[/.test(line)), `${name} gets signals itself`);
		for (const line of lines.filter((each) => each.includes('apt-get install'))) {
			assert.match(line, /--no-install-recommends/);
			assert.match(line, /rm -rf \/var\/lib\/apt\/lists\/\*/);
		}
	}
});

test('compose.yaml fits the schema of Compose files', async () => {
	const ajv = new Ajv({ strict: false, validateFormats: false });
	const schema = JSON.parse(await read(inTests('dclint/schemas/compose.schema.json')));
	const fits = ajv.compile({ ...schema, $schema: undefined });
	const compose = parse(await read(contrib('compose.yaml')));
	assert.ok(fits(compose), JSON.stringify(fits.errors, null, '\t'));
	for (const { build } of Object.values(compose.services)) {
		assert.match(await read(contrib(`${build.context}/${build.dockerfile}`)), new RegExp(`^FROM \\S+ AS ${build.target}$`, 'm'));
	}
	// only this machine reaches what has no certificate
	for (const port of compose.services.postgres.ports) assert.match(port, /^127\.0\.0\.1:/);
});

const [major, minor] = process.versions.node.split('.').map(Number);
const tooOld = (major < 20 || (major === 20 && minor < 19)) && 'dclint needs node 20.19';
test('the linter has nothing to say about compose.yaml', { skip: tooOld }, async () => {
	const { stdout, stderr } = await run(process.execPath, [inTests('dclint/bin/dclint.cjs'), '--max-warnings', '0', contrib('compose.yaml')]);
	assert.equal((stdout + stderr).trim(), '');
});
