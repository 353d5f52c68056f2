/**
 * What a reader can choose, each with its values; the first one holds until something else is chosen.
 */
export const CHOICES = /** @type {const} */ ({
	theme: { name: 'Theme', values: { system: 'As the system', light: 'Light', dark: 'Dark' } },
	colours: { name: 'Gain and loss', values: { 'blue-orange': 'Blue and orange', 'green-red': 'Green and red', 'red-green': 'Red and green' } },
	zone: { name: 'Times', values: { local: 'Local', utc: 'UTC' } },
});

/** @typedef {keyof typeof CHOICES} Choice */

const KEY = 'pulse.settings';

/** @type {Partial<Record<Choice, string>>} */
let chosen = {};

try {
	chosen = JSON.parse(localStorage.getItem(KEY) ?? '{}') ?? {};
} catch {
	// Storage can be forbidden or hold something else; a choice then lasts as long as the page.
}

/** @param {Choice} choice @returns {string} */
export function setting(choice) {
	const values = CHOICES[choice].values;
	const value = chosen[choice];
	return value !== undefined && Object.hasOwn(values, value) ? value : Object.keys(values)[0];
}

/** @param {Choice} choice @param {string} value */
export function choose(choice, value) {
	chosen = { ...chosen, [choice]: value };
	try {
		localStorage.setItem(KEY, JSON.stringify(chosen));
	} catch {
		// See above.
	}
	applySettings();
}

/** Puts theme and colours on the screen. */
export function applySettings() {
	const theme = setting('theme');
	const { dataset } = document.documentElement;
	dataset.theme = theme === 'system' ? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light') : theme;
	dataset.colours = setting('colours');
}
