// The fenced blocks of a Markdown file, with what a comment above them says about running them:
//
//   <!-- before: SQL -->         prepares what the block takes for granted
//   <!-- not run: REASON -->     for what cannot run here
import { readFileSync } from 'node:fs';

/**
 * @typedef {object} Block
 * @property {string} language  '' for none
 * @property {string} text
 * @property {number} line  where it begins
 * @property {string | null} before
 * @property {string | null} notRun
 */

/** @param {string | URL} file @returns {Block[]} */
export function blocksOf(file) {
	const lines = readFileSync(file, 'utf8').split('\n');
	/** @type {Block[]} */
	const blocks = [];
	let before = null;
	let notRun = null;
	for (let at = 0; at < lines.length; at++) {
		const fence = /^(\s*)```([a-z]*)\s*$/.exec(lines[at]);
		const comment = /^<!-- (before|not run):\s*/.exec(lines[at]);
		if (comment) {
			const start = at;
			while (!lines[at].includes('-->')) at++;
			const text = lines.slice(start, at + 1).join('\n').slice(comment[0].length).replace(/\s*-->.*$/s, '');
			if (comment[1] === 'before') before = text;
			else notRun = text;
		} else if (fence) {
			const start = at + 1;
			do at++; while (!/^\s*```\s*$/.test(lines[at]));
			blocks.push({ language: fence[2], text: lines.slice(start, at).map((line) => line.slice(fence[1].length)).join('\n'), line: start, before, notRun });
			[before, notRun] = [null, null];
		}
	}
	return blocks;
}

/**
 * The statements of a transcript of psql, each with the output below it.
 * @param {string} text
 * @returns {{ sql: string, output: string }[]}
 */
export function transcriptOf(text) {
	return text.split(/^=# /m).slice(1).map((part) => {
		const lines = part.split('\n');
		// A statement ends where a line does so with a semicolon; a comment may follow it.
		const end = lines.findIndex((line) => /;\s*(--.*)?$/.test(line));
		return { sql: lines.slice(0, end + 1).join('\n'), output: lines.slice(end + 1).join('\n').trimEnd() };
	});
}
