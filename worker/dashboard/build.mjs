// Bundles src/ into dist/, a flat folder that the daemon embeds and serves.
import { build } from 'esbuild';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const LARGEST_GZIPPED = 80 * 1024;

const here = new URL('.', import.meta.url);
const from = (name) => new URL(`src/${name}`, here);
const into = (name) => new URL(`dist/${name}`, here);

await rm(into(''), { recursive: true, force: true });
await mkdir(into(''));
const options = {
	absWorkingDir: fileURLToPath(here),
	outdir: 'dist',
	bundle: true,
	minify: true,
	target: 'es2022',
	legalComments: 'none',
	logLevel: 'warning',
};
await build({ ...options, format: 'esm', entryPoints: ['src/app.js', 'src/app.css'] });
// A plain script, because modules wait until the page is parsed.
await build({ ...options, format: 'iife', entryPoints: ['src/boot.js'] });
await writeFile(into('index.html'), (await readFile(from('index.html'), 'utf8')).replace(/\n\s*/g, '\n'));
await writeFile(into('favicon.svg'), await readFile(from('favicon.svg')));
// What is bundled keeps its licence beside it.
const licences = await Promise.all(['uplot/LICENSE', 'lit-html/LICENSE'].map(async (path) =>
	`${path.split('/')[0]}\n\n${await readFile(new URL(`node_modules/${path}`, here), 'utf8')}`));
await writeFile(into('licenses.txt'), licences.join('\n\n'));

let total = 0;
for (const name of (await readdir(into(''))).sort()) {
	const size = gzipSync(await readFile(into(name)), { level: 9 }).length;
	total += size;
	console.log(`${name.padEnd(14)}${String(size).padStart(8)} bytes gzipped`);
}
console.log(`${'all'.padEnd(14)}${String(total).padStart(8)} of at most ${LARGEST_GZIPPED}`);
if (total > LARGEST_GZIPPED) {
	console.error('the page is larger than it may be');
	process.exit(1);
}
