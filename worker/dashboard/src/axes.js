import uPlot from 'uplot';
import { axisLabels, timeZone } from './format.js';

export const AXIS_WIDTH = 64;

const SECOND = 1;
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

// Per increment: the usual label, then the one when a year, month, day, hour, minute or second begins.
const TIME_LABELS = [
	[DAY * 365, '{YYYY}', null, null, null, null, null, null, 1],
	[DAY * 28, '{MMM}', '\n{YYYY}', null, null, null, null, null, 1],
	[DAY, '{D} {MMM}', '\n{YYYY}', null, null, null, null, null, 1],
	[HOUR, '{HH}:{mm}', '\n{D} {MMM} {YYYY}', null, '\n{D} {MMM}', null, null, null, 1],
	[MINUTE, '{HH}:{mm}', '\n{D} {MMM} {YYYY}', null, '\n{D} {MMM}', null, null, null, 1],
	[SECOND, '{HH}:{mm}:{ss}', '\n{D} {MMM} {YYYY}', null, '\n{D} {MMM}', null, null, null, 1],
];

/** Colours come from the style sheet, so that the theme rules the canvas too. */
export function readPalette() {
	const style = getComputedStyle(document.documentElement);
	const get = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
	return {
		line: get('--curve'), fill: get('--curve-fill'), fade: get('--curve-fade'),
		loss: get('--loss'), lossFill: get('--loss-fill'), grid: get('--grid'), text: get('--muted'),
		label: get('--on-curve'), font: get('--font'),
	};
}

/** @param {number[]} splits fractions */
export const percentLabels = (splits) => axisLabels(splits.map((value) => value * 100)).map((label) => `${label}%`);

/** @typedef {ReturnType<typeof readPalette>} Palette */

/** @param {number} seconds since 1970, as a date in the zone of the page */
export function zonedDate(seconds) {
	const zone = timeZone();
	const date = new Date(seconds * 1000);
	return zone ? uPlot.tzDate(date, zone) : date;
}

/**
 * Round joints of thousands of short lines cost more than all the rest, and nobody sees them.
 * @param {uPlot} plot whose axes have been drawn, its series not yet
 */
export function plainJoints({ ctx }) {
	ctx.lineJoin = 'bevel';
}

/**
 * The cursor follows a finger, as it follows a mouse.
 * @param {uPlot} plot
 */
export function followFinger(plot) {
	const follow = (/** @type {PointerEvent} */ event) => {
		if (event.pointerType !== 'touch') return;
		const box = plot.over.getBoundingClientRect();
		plot.setCursor({ left: Math.min(box.width, Math.max(0, event.clientX - box.left)), top: event.clientY - box.top });
	};
	plot.over.addEventListener('pointerdown', follow);
	plot.over.addEventListener('pointermove', follow);
}

/**
 * Where a key leads from a point: the index of another one, or null when it is no key of ours.
 * @param {string} key
 * @param {number | null | undefined} from
 * @param {number} last
 */
export function moved(key, from, last) {
	if (key === 'Home') return 0;
	if (key === 'End') return last;
	const step = new Map([['ArrowLeft', -1], ['ArrowRight', 1], ['PageUp', -20], ['PageDown', 20]]).get(key);
	return step === undefined ? null : Math.min(last, Math.max(0, (from ?? (step < 0 ? last + 1 : -1)) + step));
}

/** @param {() => Palette} palette @param {boolean} labels */
export function timeAxis(palette, labels) {
	return {
		stroke: () => palette().text,
		grid: { stroke: () => palette().grid, width: 1 },
		ticks: { show: false },
		font: `11px ${palette().font}`,
		space: 72,
		size: labels ? 36 : 8,
		gap: 6,
		values: labels ? TIME_LABELS : (/** @type {uPlot} */ _plot, /** @type {number[]} */ splits) => splits.map(() => ''),
	};
}

/** @param {() => Palette} palette @param {(plot: uPlot, splits: number[]) => string[]} labels @param {number} space */
export function valueAxis(palette, labels, space) {
	return {
		side: 1,
		stroke: () => palette().text,
		grid: { stroke: () => palette().grid, width: 1 },
		ticks: { show: false },
		font: `11px ${palette().font}`,
		size: AXIS_WIDTH,
		gap: 8,
		space,
		values: labels,
	};
}
