import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';

const run = promisify(execFile);
const DASHBOARD = fileURLToPath(new URL('../../worker/dashboard/', import.meta.url));
const DIST = new URL('../../worker/dashboard/dist/', import.meta.url);

test('the sources pass the type checker', async () => {
	await run('npm', ['run', '--silent', 'check'], { cwd: DASHBOARD });
});

test('the page fits into 80 KB gzipped, is flat and complete', async () => {
	const entries = await readdir(DIST, { withFileTypes: true });
	assert.ok(entries.every((entry) => entry.isFile()));
	const names = entries.map((entry) => entry.name);
	for (const name of ['index.html', 'app.js', 'app.css', 'boot.js', 'favicon.svg', 'licenses.txt']) assert.ok(names.includes(name), name);
	let size = 0;
	for (const name of names) size += gzipSync(await readFile(new URL(name, DIST)), { level: 9 }).length;
	assert.ok(size <= 80 * 1024, `${size} bytes`);
});

test('nothing is inline and nothing comes from elsewhere', async () => {
	const html = await readFile(new URL('index.html', DIST), 'utf8');
	assert.doesNotMatch(html, /<script(?![^>]*\bsrc="\/)/);
	assert.doesNotMatch(html, /<style|\sstyle=|\son[a-z]+=/i);
	for (const name of ['index.html', 'app.js', 'boot.js', 'app.css']) {
		const text = await readFile(new URL(name, DIST), 'utf8');
		const addresses = [...text.matchAll(/\bhttps?:\/\/[^\s"'`)]+/g)].map(([address]) => address)
			.filter((address) => !address.startsWith('http://www.w3.org/'));
		assert.deepEqual(addresses, [], name);
	}
});
