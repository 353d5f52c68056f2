// Debian's Chromium for the tests; whatever the page complains about fails the test.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const SCREENSHOTS = fileURLToPath(new URL('../../.build/screenshots/', import.meta.url));

/** @param {string[]} [more] further arguments */
export async function startBrowser(more = []) {
	await mkdir(SCREENSHOTS, { recursive: true });
	return chromium.launch({
		executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
		args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
			'--disable-component-update', '--disable-sync', '--hide-scrollbars', ...more],
	});
}

/**
 * Opens the page and watches it.
 * @param {import('playwright-core').Browser} browser
 * @param {string} address
 * @param {import('playwright-core').BrowserContextOptions & { expected?: RegExp }} [options]
 *   expected: complaints that the test provokes, as of a lost connection
 */
export async function openPage(browser, address, { expected, ...options } = {}) {
	const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', timezoneId: 'UTC', ...options });
	const page = await context.newPage();
	const complaints = [];
	const complain = (text) => {
		if (!expected?.test(text)) complaints.push(text);
	};
	page.on('console', (message) => {
		if (message.type() === 'error' || message.type() === 'warning') complain(`${message.text()} ${message.location().url}`);
	});
	page.on('pageerror', (error) => complain(String(error)));
	await page.addInitScript(() => {
		addEventListener('securitypolicyviolation', (event) => console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
	});
	await page.goto(address);
	return {
		page,
		/** Closes the page; fails if it complained. */
		async close() {
			await context.close();
			assert.deepEqual(complaints, []);
		},
	};
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * Fails on any violation of WCAG 2.2 AA that axe can see.
 * @param {string} [part]  of the page, where the rest has been looked at
 */
export async function assertAccessible(page, title, part) {
	if (!await page.evaluate(() => 'axe' in globalThis)) await page.evaluate(axe);
	const { violations } = await page.evaluate((selector) => globalThis.axe.run(selector ?? document, {
		runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'],
	}), part);
	const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 5).map(({ target, failureSummary }) => `${target} ${failureSummary}`).join(' | ')}`);
	assert.deepEqual(found, [], title);
}
