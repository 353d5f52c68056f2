const MARGIN = 8;
const REOPEN_PAUSE = 250;

/** A box that opens beside what was clicked and closes as the platform does. */
export class Popover {
	/** @type {string | null} what it is about */ key = null;
	/** @type {HTMLElement | null} */ #box = null;
	#closedAt = -Infinity;

	/** @param {Element | undefined} box */
	attach(box) {
		this.#box = /** @type {HTMLElement | undefined} */ (box) ?? null;
	}

	/** @param {Event & { newState?: string }} event */
	toggles(event) {
		if (event.newState === 'closed') this.#closedAt = performance.now();
	}

	/**
	 * @param {string} key
	 * @param {HTMLElement} anchor
	 * @param {() => void} render  draws the content for the key, at once
	 */
	show(key, anchor, render) {
		// The press that closed it is also a click on its button; that one does not open it again.
		if (key === this.key && performance.now() - this.#closedAt < REOPEN_PAUSE) return;
		this.key = key;
		render();
		const box = this.#box;
		if (!box?.showPopover) return;
		// Who comes by keyboard finds it next to what opened it.
		/** @type {any} */ (box).showPopover({ source: anchor });
		const from = anchor.getBoundingClientRect();
		const size = box.getBoundingClientRect();
		const below = from.bottom + MARGIN + size.height <= innerHeight;
		box.style.left = `${Math.max(MARGIN, Math.min(from.left, innerWidth - size.width - MARGIN))}px`;
		box.style.top = `${Math.max(MARGIN, below ? from.bottom + MARGIN : from.top - size.height - MARGIN)}px`;
	}
}
