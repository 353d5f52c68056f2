// The real worker for a browser test: a database with history, and a pulse-worker that can be killed and started again.
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../.build/worker/pulse-worker', import.meta.url));

/** A port that nobody uses. */
export async function freePort() {
	const server = createServer();
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	const { port } = server.address();
	await new Promise((resolve) => server.close(resolve));
	return port;
}

export class Daemon {
	/** @param {{ dsn: string, port?: number }} options */
	constructor({ dsn, port = 0 }) {
		this.dsn = dsn;
		this.port = port;
	}

	get address() {
		return `http://127.0.0.1:${this.port}/`;
	}

	/** Starts the worker and waits until it listens and knows the database. */
	async start() {
		this.port ||= await freePort();
		this.directory ??= await mkdtemp(join(tmpdir(), 'pulse-browser-'));
		const config = join(this.directory, 'pulse.ini');
		await writeFile(config, `[database]\ndsn = ${this.dsn}\n[websocket]\nport = ${this.port}\n`);
		this.process = spawn(PROGRAM, ['--config', config, '--log-format', 'text'], { stdio: ['ignore', 'ignore', 'pipe'] });
		this.gone = new Promise((resolve) => this.process.once('exit', resolve));
		const log = [];
		createInterface({ input: this.process.stderr }).on('line', (line) => log.push(line));
		for (let attempt = 0; attempt < 300; attempt++) {
			if (this.process.exitCode !== null) break;
			const response = await fetch(`${this.address}readyz`).catch(() => null);
			if (response?.ok) return;
			await new Promise((resolve) => setTimeout(resolve, 100));
		}
		throw new Error(`pulse-worker is not ready:\n${log.join('\n')}`);
	}

	/** @param {NodeJS.Signals} [signal] */
	async stop(signal = 'SIGTERM') {
		if (!this.process) return;
		this.process.kill(signal);
		await this.gone;
		this.process = undefined;
	}

	async remove() {
		await this.stop('SIGKILL');
		if (this.directory) await rm(this.directory, { recursive: true, force: true });
	}
}
