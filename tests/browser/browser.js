// Debian's Chromium for the tests; whatever the page complains about fails the test.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

export const SCREENSHOTS = fileURLToPath(new URL('../../.build/screenshots/', import.meta.url));

export async function startBrowser() {
	await mkdir(SCREENSHOTS, { recursive: true });
	return chromium.launch({
		executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
		args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
			'--disable-component-update', '--disable-sync', '--hide-scrollbars'],
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
