// The machine as a component of pulse_health(): the real one, and one that is made up.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { eventually, finish, startDatabase, startWorker, sweep } from './harness.js';

let database;
let directory;

before(async () => {
	database = await startDatabase();
	directory = await mkdtemp(join(tmpdir(), 'pulse-machine.'));
});
afterEach(sweep);
after(() => finish(() => {}, () => rm(directory, { recursive: true, force: true }), () => database?.remove()));

/** Waits for a sample of the component that fits. */
const sample = (component, fits) => eventually(`a sample of ${component} with ${fits}`, async () => {
	const rows = await database.query('SELECT status, message, details FROM pulse.health_sample WHERE component = $1 ORDER BY sample_id', [component]);
	return rows.find(fits);
});

/** Writes files of a made-up kernel. */
async function pretend(files) {
	for (const [name, text] of Object.entries(files)) {
		const path = join(directory, name);
		await mkdir(dirname(path), { recursive: true });
		await writeFile(path, text);
	}
}

test('the real machine: processors, memory, disks and the worker itself', async () => {
	const worker = await startWorker(database, { config: { resources: { interval: 1 } } });
	const { details } = await sample('system', (row) => row.details.cpu !== null);
	assert.ok(details.cpu >= 0 && details.cpu <= 1.5, `cpu ${details.cpu}`);
	assert.ok(details.processors > 0 && details.processors <= cpus().length);
	if (details.memory_limit === 'machine') assert.ok(Math.abs(details.memory_bytes - totalmem()) < 1 << 20);
	assert.ok(details.memory > 0 && details.memory < 1);
	assert.equal(details.load.length, 3);
	for (const disk of details.disks) assert.ok(disk.used >= 0 && disk.used <= 1 && disk.size_bytes > 0, disk.mount);
	assert.ok(details.worker.memory_bytes > 1 << 20);
	assert.ok(details.worker.open_files > 5 && details.worker.open_files < details.worker.open_files_limit);
	const [row] = await database.query(`SELECT status FROM pulse_health_check('system')`);
	assert.ok(['HEALTHY', 'WARNING', 'CRITICAL'].includes(row.status));
	await worker.stop();
});

test('thresholds, the limit of a control group, rates of the network, and the way back', async () => {
	await pretend({
		'proc/stat': 'cpu  100 0 0 900 0 0 0 0 0 0\n',
		'proc/meminfo': 'MemTotal:       8000000 kB\nMemFree:  1 kB\nMemAvailable:   6000000 kB\nSwapTotal: 1000 kB\nSwapFree: 750 kB\n',
		'proc/loadavg': '0.50 0.25 0.10 1/100 1234\n',
		'proc/sys/fs/file-nr': '100\t0\t1000\n',
		'proc/self/cgroup': '0::/box\n',
		'proc/self/net/dev': 'Inter-|   Receive\n face |bytes\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0: 1000 10 1 2 0 0 0 0 2000 20 3 4 0 0 0 0\n',
		'proc/self/mountinfo': '',
		'sys/fs/cgroup/box/memory.max': '1000000\n',
		'sys/fs/cgroup/box/memory.current': '980000\n',
		'sys/fs/cgroup/box/memory.stat': 'anon 5\ninactive_file 20000\n',
		'sys/fs/cgroup/box/cpu.max': 'max 100000\n',
	});
	const worker = await startWorker(database, { config: { resources: { component: 'box', interval: 1, proc: `${directory}/proc`, sys: `${directory}/sys` } } });
	const full = await sample('box', (row) => row.status === 'CRITICAL');
	assert.equal(full.message, 'memory at 96 %');
	assert.equal(full.details.memory, 0.96);
	assert.equal(full.details.memory_bytes, 1000000);
	assert.equal(full.details.memory_limit, 'control group');
	assert.equal(full.details.swap, 0.25);
	assert.equal(full.details.open_files, 0.1);
	assert.equal(full.details.cpu, null, 'no tick has passed');
	assert.deepEqual(full.details.load, [0.5, 0.25, 0.1]);
	assert.deepEqual(full.details.network.map(({ interface: name, errors }) => [name, errors]), [['eth0', 10]], 'loopback is not traffic');

	await pretend({ 'proc/stat': 'cpu  190 0 0 910 0 0 0 0 0 0\n', 'sys/fs/cgroup/box/memory.current': '520000\n' });
	const busy = await sample('box', (row) => row.details.cpu !== null);
	assert.equal(busy.details.cpu, 0.9);
	assert.match(busy.message, /CPU at 90 %/);
	const healthy = await sample('box', (row) => row.status === 'HEALTHY');
	assert.equal(healthy.details.memory, 0.5);
	await worker.logged(/^CRITICAL: memory at 96 %/);
	await worker.logged(/^HEALTHY: /);
	await worker.stop();
});

test('files of the kernel that are missing or say nonsense are unknown, not an end', async () => {
	await pretend({ 'odd/stat': 'nonsense', 'odd/meminfo': 'MemTotal: x\n', 'odd/loadavg': '', 'odd/self/net/dev': 'eth0: 1 2\n:\n', 'odd/self/mountinfo': '- - -\n1 2 3\n', 'odd/self/cgroup': `0::/${'x'.repeat(600)}\n` });
	const worker = await startWorker(database, { config: { resources: { component: 'odd', interval: 1, proc: `${directory}/odd`, sys: `${directory}/none` } } });
	const { details } = await sample('odd', () => true);
	assert.deepEqual([details.cpu, details.memory, details.swap, details.open_files, details.disks, details.network], [null, null, null, null, [], []]);
	await worker.stop();
});

test('it can be turned off, also while running', async () => {
	const worker = await startWorker(database, { env: { PULSE_CLOCK_RATE: '10' }, config: { resources: { component: 'off', interval: 1 } } });
	await sample('off', () => true);
	await worker.configure({ resources: { enabled: 'false', component: 'off' } });
	worker.signal('SIGHUP');
	await worker.logged(/configuration reloaded/);
	// A report that was on its way when the signal came is still allowed.
	await (await worker.get('/api/v1/health')).json();
	const count = async () => (await database.query(`SELECT count(*)::integer AS n FROM pulse.health_sample WHERE component = 'off'`))[0].n;
	const before = await count();
	// Five intervals.
	await new Promise((resolve) => setTimeout(resolve, 500));
	assert.ok(await count() <= before + 1);
	await worker.stop();
});
