// Every example in the documents: SQL runs in a copy of the demo's account, output that is shown is what comes,
// configuration is accepted by who reads it, commands of the shell exist. WRITE_EXAMPLES=1 writes the output anew instead.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startCluster } from '../lib/cluster.js';
import { blocksOf, transcriptOf } from './blocks.js';

const run = promisify(execFile);
const TOP = new URL('../../', import.meta.url);
const path = (name) => fileURLToPath(new URL(name, TOP));
const UNTIL = '2026-11-22T12:00:00Z';
const GENERATED = ['functions.md', 'events.md', 'http.md', 'metrics.md'];
const documents = ['README.md', ...['extension/doc', 'worker/doc'].flatMap((folder) => readdirSync(path(folder))
	.filter((name) => name.endsWith('.md') && !GENERATED.includes(name)).map((name) => `${folder}/${name}`))];

let cluster, directory;

/** Runs SQL as psql does; the error says which statement it was. */
async function psql(database, sql, { format = [] } = {}) {
	const child = spawn('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-P', 'pager=off', '-P', 'footer=off', ...format, '-d', database, '-f', '-'], { env: { ...cluster.env, PGTZ: 'UTC', PGOPTIONS: '-c extra_float_digits=1' } });
	let [output, errors] = ['', ''];
	child.stdout.on('data', (text) => { output += text; });
	child.stderr.on('data', (text) => { errors += text; });
	child.stdin.end(sql);
	const [code] = await once(child, 'close');
	return { code, output, errors };
}

async function mustRun(database, sql, where) {
	const { code, errors, output } = await psql(database, sql);
	assert.equal(code, 0, `${where}: ${errors}`);
	return output;
}

before(async () => {
	directory = await mkdtemp(join(tmpdir(), 'pulse-docs-'));
	cluster = await startCluster({ preload: true, database: 'account' });
	await mustRun('postgres', 'CREATE DATABASE bare', 'a database without Pulse');
	await mustRun('account', 'CREATE EXTENSION pulse; SELECT pulse_setup();', 'the account');
	await run(process.execPath, [path('tests/demo/simulator.js'), 'history', '--until', UNTIL, '--seed', '1'], { env: cluster.env });
	await mustRun('account', 'DO $$ BEGIN FOR i IN 1..100 LOOP PERFORM pulse_tick(); EXIT WHEN NOT EXISTS (SELECT FROM pulse.dirty); END LOOP; END $$', 'reading the account');
});

after(async () => {
	await cluster?.remove();
	await rm(directory, { recursive: true, force: true });
});

/** Lines without the blanks at their ends, which editors take away. */
const trimmed = (text) => text.split('\n').map((line) => line.trimEnd()).join('\n').trim();

/** Nothing has been done to the account that transcripts are of. Compares what is shown with what comes; a statement without output below it need only run. Returns the block as it would be true. */
async function checkTranscript(database, block, where) {
	const parts = transcriptOf(block.text);
	assert.ok(parts.length > 0, `${where}: no statement`);
	const written = [];
	for (const { sql, output } of parts) {
		const given = await mustRun(database, sql, `${where}: ${sql}`);
		const shown = output.trim() !== '';
		if (shown && !process.env.WRITE_EXAMPLES) assert.equal(trimmed(given), trimmed(output), `${where}: ${sql}`);
		written.push(`=# ${sql}\n${shown ? `${given.trimEnd().split('\n').map((line) => line.trimEnd()).join('\n')}\n` : ''}`);
	}
	return written.join('\n').trimEnd();
}

/** What a pulse.ini of the documents names, made in a directory of ours. */
async function checkWorkerConfiguration(text, where) {
	const folder = join(directory, 'etc');
	await mkdir(join(folder, 'logs'), { recursive: true });
	await writeFile(join(folder, 'telegram_token'), '123456:abcdefghijklmnopqrstuvwxyzABCDEFGHI\n', { mode: 0o600 });
	await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(folder, 'privkey.pem'), '-out', join(folder, 'fullchain.pem'), '-subj', '/CN=pulse.example.com', '-days', '2']);
	const file = join(directory, 'pulse.ini');
	const complete = /^\[database\]/m.test(text) ? text : `[database]\ndsn = dbname=trading\n${text}`;
	await writeFile(file, complete.replaceAll('/etc/pulse/', `${folder}/`).replaceAll('/var/log/pulse', join(folder, 'logs')), { mode: 0o600 });
	const env = { ...process.env, SLACK_WEBHOOK_URL: 'https://hooks.example.com/services/a', TELEGRAM_CHAT_ID: '1' };
	await run(path('.build/worker/pulse-worker'), ['--config', file, '--check-config'], { env })
		.catch(({ stdout, stderr }) => assert.fail(`${where}: ${stdout}${stderr}`));
}

/** Names in postgresql.conf are settings that the server knows. */
async function checkServerConfiguration(text, where) {
	for (const [, name] of text.matchAll(/^\s*([a-z_.]+)\s*=/gm)) {
		assert.match(await mustRun('account', `SELECT pulse_version(); SELECT name FROM pg_settings WHERE name = '${name}'`, where), new RegExp(name.replaceAll('.', '\\.')), `${where}: ${name}`);
	}
}

/** The shell can read it, and what it calls of ours is there. */
async function checkShell(text, where) {
	await run('bash', ['-n', '-c', text]);
	const { stdout: help } = await run(path('.build/worker/pulse-worker'), ['--help']);
	const makefile = await readFile(path('Makefile'), 'utf8');
	for (const line of text.split('\n').map((each) => each.replace(/\s#.*$/, ''))) {
		for (const [, target] of line.matchAll(/(?:^|&&|sudo)\s*make ([a-z]+)/g)) assert.match(makefile, new RegExp(`^${target}:`, 'm'), `${where}: make ${target}`);
		for (const [, verb] of line.matchAll(/\bpulse-worker ([a-z][a-z-]+)/g)) assert.match(help, new RegExp(`\\b${verb}\\b`), `${where}: pulse-worker ${verb}`);
		for (const [file] of line.matchAll(/\bworker\/contrib\/[\w./-]+/g)) await readFile(path(file)).catch(() => assert.fail(`${where}: there is no ${file}`));
	}
}

for (const document of documents) {
	test(`examples in ${document}`, async () => {
		const blocks = blocksOf(path(document));
		const database = `doc_${documents.indexOf(document)}`;
		if (blocks.some(({ language, text }) => language === 'sql')) await mustRun('postgres', `CREATE DATABASE ${database} TEMPLATE account`, document);
		for (const block of blocks) {
			const where = `${document}:${block.line}`;
			if (block.notRun !== null) {
				assert.ok(block.notRun.length > 5, `${where}: says why it is not run`);
				continue;
			}
			if (block.before) await mustRun(database, block.before, `${where}, what prepares it`);
			if (block.language === 'sql') await mustRun(/^CREATE EXTENSION pulse;/m.test(block.text) ? 'bare' : database, block.text, where);
			else if (block.text.startsWith('=# ')) {
				const written = await checkTranscript('account', block, where);
				if (process.env.WRITE_EXAMPLES) await writeFile(path(document), (await readFile(path(document), 'utf8')).replace(block.text, () => written));
			}
			else if (block.language === 'ini') await (/^\[/m.test(block.text) ? checkWorkerConfiguration : checkServerConfiguration)(block.text, where);
			else if (block.language === 'sh') await checkShell(block.text, where);
			else if (block.language === 'js') assert.equal(`${block.text}\n`, await readFile(path('worker/doc/websocket-client.mjs'), 'utf8'), where);
			else if (block.language === 'json') JSON.parse(block.text);
			else assert.ok(!/\b(SELECT|INSERT|CREATE)\b.*;/.test(block.text), `${where}: SQL in a block that is not called sql is not run`);
		}
	});
}

test('links between the documents lead somewhere', async () => {
	for (const document of [...documents, ...GENERATED.map((name) => (name === 'functions.md' ? `extension/doc/${name}` : `worker/doc/${name}`))]) {
		const text = (await readFile(path(document), 'utf8')).replace(/```.*?```/gs, '');
		for (const [, target, anchor] of text.matchAll(/\]\(((?!https?:|mailto:)[^)#\s]*)(?:#([^)\s]+))?\)/g)) {
			const file = target === '' ? path(document) : fileURLToPath(new URL(target, new URL(document, TOP)));
			const found = await readFile(file, 'utf8').catch(() => assert.fail(`${document}: there is no ${target}`));
			if (anchor) assert.ok([...found.matchAll(/^#+ (.*)$/gm)].some(([, title]) => title.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-') === anchor), `${document}: no ${target}#${anchor}`);
		}
	}
});
