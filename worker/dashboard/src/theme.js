/** @typedef {'light' | 'dark'} Theme */

const KEY = 'pulse.theme';

/** @returns {Theme} */
function systemTheme() {
	return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

/** @returns {Theme | null} what the reader chose, null to follow the system */
function chosenTheme() {
	try {
		const saved = localStorage.getItem(KEY);
		return saved === 'light' || saved === 'dark' ? saved : null;
	} catch {
		// Storage can be forbidden; a choice then lasts as long as the page.
		return null;
	}
}

/** @returns {Theme} what is on the screen */
export function shownTheme() {
	return document.documentElement.dataset.theme === 'dark' ? 'dark' : 'light';
}

/** Puts the chosen theme, or else the system's, on the screen. */
export function applyTheme() {
	document.documentElement.dataset.theme = chosenTheme() ?? systemTheme();
}

/** Switches to the other theme; where that is the system's own, the page follows the system again. */
export function toggleTheme() {
	const wanted = shownTheme() === 'dark' ? 'light' : 'dark';
	document.documentElement.dataset.theme = wanted;
	try {
		if (wanted === systemTheme()) localStorage.removeItem(KEY);
		else localStorage.setItem(KEY, wanted);
	} catch {
		// See chosenTheme.
	}
}
