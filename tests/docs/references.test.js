// What the programs know and what the documents say about it: a setting, function, figure or path that is in one of them
// only is listed by name.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startCluster } from '../lib/cluster.js';

const run = promisify(execFile);
const path = (name) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const read = (name) => readFileSync(path(name), 'utf8');
const GENERATED = ['functions.md', 'configuration.md', 'events.md', 'http.md', 'metrics.md'];
const guides = ['README.md', ...['extension/doc', 'worker/doc'].flatMap((folder) => readdirSync(path(folder))
	.filter((name) => name.endsWith('.md') && !GENERATED.includes(name)).map((name) => `${folder}/${name}`))];
const readme = read('README.md');
const worker = path('.build/worker/pulse-worker');
/** @type {string} */
let help;
let cluster;

before(async () => {
	[{ stdout: help }, cluster] = await Promise.all([run(worker, ['--help']), startCluster({ database: 'account' })]);
	await run('psql', ['-XAtqc', 'CREATE EXTENSION pulse'], { env: cluster.env });
});
after(() => cluster?.remove());

/** Asks the database; columns in one line are separated by |. */
const ask = async (sql) => (await run('psql', ['-XAtqc', sql], { env: cluster.env })).stdout.split('\n').filter(Boolean);

/** What is in one list only, in words. */
function differences(known, said) {
	const [one, other] = [new Set(known), new Set(said)];
	return [...[...one].filter((each) => !other.has(each)).map((each) => `not documented: ${each}`),
		...[...other].filter((each) => !one.has(each)).map((each) => `documented, but unknown: ${each}`)];
}

/** The keys of the worker's configuration by their sections, as --help explains them. */
function keysOfHelp() {
	let section = '';
	return help.slice(help.indexOf('Configuration keys:')).split('\n').flatMap((line) => {
		section = /^\[(.+)\]$/.exec(line)?.[1] ?? section;
		const [, key, meaning] = /^ {2}(\S+) +(.+)$/.exec(line) ?? [];
		return key ? [{ section, key, meaning }] : [];
	});
}

/** The part of a document from a heading to the next of its rank. */
const part = (text, title) => text.slice(text.indexOf(`\n## ${title}\n`)).replace(/^\n## .*\n/, '').split('\n## ')[0];

/** The cells of the rows of tables, without their heads. */
const rows = (text) => [...text.matchAll(/^\| ?(?!-)(.+) \|$/gm)].map(([, row]) => row.split(/ \| /).map((cell) => cell.trim()))
	.filter((_, at, all) => at > 0 && all.length > 1);

const inCode = (text) => [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code);

/** Text of a manual page as it is read. */
const plain = (text) => text.replaceAll('\\-', '-').replaceAll('\\(aq', "'").replaceAll('\\(dq', '"').replaceAll('\\e', '\\');

test("pulse.ini(5) says of each key of the worker's configuration, by section, what --help says", () => {
	let section = '';
	const said = [];
	const lines = read('worker/doc/pulse.ini.5').split('\n');
	lines.forEach((line, at) => {
		section = /^\.SS \[(.+)\]$/.exec(line)?.[1] ?? section;
		if (line === '.TP' && section && lines[at + 1].startsWith('.B ')) said.push(`[${section}] ${lines[at + 1].slice(3)}: ${plain(lines[at + 2])}`);
	});
	const known = keysOfHelp().map(({ section: of, key, meaning }) => `[${of}] ${key}: ${meaning}`);
	assert.ok(known.length > 90);
	assert.deepEqual(differences(known, said), []);
});

test('--help has each key that the parser knows', () => {
	const known = [...read('worker/src/config_keys.c').matchAll(/^\t\{"([a-z.*]+)", "([a-z_]+)", CONFIG_/gm)].map(([, section, key]) => `[${section.replace('*', 'NAME')}] ${key}`);
	assert.ok(known.length > 90);
	assert.deepEqual(differences(known, keysOfHelp().filter(({ section }) => section !== 'environment.NAME').map(({ section, key }) => `[${section}] ${key}`)), []);
});

test("README's table has each key of the worker's configuration", () => {
	const said = rows(part(readme, 'Configuration')).filter(([first]) => first.startsWith('`[')).flatMap(([section, , keys]) => inCode(keys).map((key) => `${section.slice(1, -1)} ${key}`));
	assert.deepEqual(differences(keysOfHelp().map(({ section, key }) => `[${section}] ${key}`), said), []);
});

test("README's table has each setting of the server, with its default", async () => {
	const said = rows(part(readme, 'Configuration')).filter(([first]) => first.startsWith('`pulse.')).map(([name, value]) => [name.slice(1, -1), value]);
	const known = await ask("LOAD 'pulse'; SELECT name, CASE WHEN unit IS NOT NULL THEN justify_hours((boot_val || unit)::interval)::text ELSE boot_val END FROM pg_settings WHERE name LIKE 'pulse.%'");
	const values = await ask(`SELECT name, CASE WHEN value ~ '^[0-9]+ [a-z]+$' THEN justify_hours(value::interval)::text WHEN value <> 'none' THEN value END
		FROM (VALUES ${said.map(([name, value]) => `('${name}', '${value}')`).join(', ')}) AS said (name, value)`);
	assert.ok(known.length > 10);
	assert.deepEqual(differences(known, values), []);
});

test('pulse-worker(8) explains each option and each command, and no other', async () => {
	const manual = plain(read('worker/doc/pulse-worker.8'));
	const options = [...help.matchAll(/^ +(?:-[a-zA-Z], )?(--[a-z-]+)/gm)].map(([, option]) => option);
	const section = manual.slice(manual.indexOf('\n.SH OPTIONS'), manual.indexOf('\n.SH CONFIGURATION'));
	assert.deepEqual(differences(options, [...section.matchAll(/^\.(?:BR|BI|B) (.+)$/gm)].filter(([, text]) => text.startsWith('-') || text.startsWith('"-')).flatMap(([, text]) => text.match(/--[a-z-]+/g) ?? [])), []);
	const commands = [...help.matchAll(/^(?:Usage:| {6}) pulse-worker ([a-z][a-z-]*)/gm)].map(([, command]) => command);
	assert.ok(commands.length > 3);
	for (const command of commands) {
		assert.match(manual, new RegExp(`^\\.BR? "?pulse-worker ${command}\\b`, 'm'), `the synopsis has ${command}`);
		assert.match(manual, new RegExp(`^\\.B ${command}\\n`, 'm'), `${command} is described`);
	}
});

test('each function is in the reference and in a guide, and no document calls one that there is not', async () => {
	const known = await ask(`SELECT DISTINCT proname FROM pg_proc p JOIN pg_extension e ON e.extname = 'pulse' AND e.extnamespace = p.pronamespace WHERE proname LIKE 'pulse\\_%'`);
	const reference = [...read('extension/doc/functions.md').matchAll(/^## (\S+)$/gm)].map(([, name]) => name);
	assert.deepEqual(differences(known, reference), []);
	const text = guides.map((name) => read(name)).join('\n');
	assert.deepEqual(known.filter((name) => !new RegExp(`\\b${name}\\b`).test(text)), [], 'functions that no guide speaks of');
	for (const guide of [...guides, 'worker/doc/pulse-worker.8', 'worker/doc/pulse.ini.5', ...GENERATED.map((name) => `${['functions.md', 'configuration.md'].includes(name) ? 'extension' : 'worker'}/doc/${name}`)]) {
		const called = [...read(guide).matchAll(/(?<![\w.])(pulse_[a-z0-9_]+)\(/g)].map(([, name]) => name);
		assert.deepEqual([...new Set(called)].filter((name) => !known.includes(name)), [], guide);
	}
});

test("README's tables of metrics have every aggregate", async () => {
	const known = await ask(`SELECT DISTINCT proname FROM pg_proc p JOIN pg_extension e ON e.extname = 'pulse' AND e.extnamespace = p.pronamespace WHERE prokind = 'a'`);
	assert.ok(known.length > 50);
	assert.deepEqual(known.filter((name) => !readme.includes(name)), []);
});

test('README names every path of the interface, and none besides', () => {
	const list = readme.slice(readme.indexOf('HTTP on the same port:'), readme.indexOf('Every path, parameter and answer:'));
	const named = inCode(list).map((code) => code.replace(/^(GET|POST|DELETE) /, '').replace(/\?.*/, '').replace(/\{id\}/, '{}').replace(/\{[a-z_]+\}/, '{}'));
	const documented = Object.keys(JSON.parse(read('worker/doc/openapi.json')).paths).map((name) => name.replace('/api/v1/', '').replace(/\{[a-z_]+\}/, '{}'));
	const outside = ['/', '/healthz', '/readyz', '/metrics', '/api/v1/', 'from=', 'to='];
	assert.deepEqual(differences(documented, named.filter((name) => !outside.includes(name))), []);
});

test('each message of the table of symptoms is one that the programs write', () => {
	const sources = ['extension/src', 'extension/schema', 'worker/src'].flatMap((folder) => readdirSync(path(folder)).filter((name) => /\.(c|sql)$/.test(name)).map((name) => read(`${folder}/${name}`)))
		.join('\n').replaceAll('\\"', '"');
	const messages = rows(part(readme, 'When something is wrong')).filter(([first]) => first.startsWith('`')).map(([first]) => inCode(first)[0]);
	assert.ok(messages.length >= 5);
	for (const message of messages.filter((each) => each.includes(' ') && !/^permission denied/.test(each))) {
		const pattern = message.split('…').map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('(?:%[a-zA-Z]*|…)?.{0,40}?');
		assert.match(sources, new RegExp(pattern), message);
	}
});

test('each measurement of the table of speed names a bench that there is', () => {
	const named = rows(part(readme, 'Speed')).map((cells) => inCode(cells.at(-1))[0]).filter((name) => name && name !== 'BENCH=');
	assert.ok(named.length > 8);
	for (const name of named) assert.ok(['sh', 'js'].some((ending) => existsSync(path(`tests/bench/${name}.${ending}`))), name);
});

test('README begins with a way to each of its sections, and has them', () => {
	const titles = [...readme.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
	for (const title of ['Install on a real server', 'Connect your bot', 'A tour in SQL', 'Alerts', 'The stream', 'The page', 'Telegram', 'Configuration', 'Security', 'Speed', 'Upgrading', 'Beside other tools', 'When something is wrong', 'Uninstall'])
		assert.ok(titles.includes(title), title);
	for (const picture of ['light', 'dark', 'phone']) assert.ok(readme.includes(`](worker/doc/dashboard-${picture}.png)`), picture);
});
