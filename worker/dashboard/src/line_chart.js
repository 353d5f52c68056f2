import uPlot from 'uplot';
import { followFinger, moved, percentLabels, readPalette, timeAxis, valueAxis, zonedDate } from './axes.js';
import { axisLabels } from './format.js';

/** One small curve over time. */
export class LineChart {
	/** @type {uPlot | null} */ #plot = null;
	#palette = readPalette();
	/** @type {unknown} */ #shown = null;
	#percent = false;

	/** @param {HTMLElement} box @param {(index: number | null) => void} onCursor */
	constructor(box, onCursor) {
		this.box = box;
		this.onCursor = onCursor;
		new ResizeObserver(() => this.#fit()).observe(box);
	}

	/**
	 * @param {{ ts: number[], value: (number | null)[] }} data  the same object means the same picture
	 * @param {boolean} percent  values are fractions
	 */
	show(data, percent) {
		if (data === this.#shown) return;
		this.#shown = data;
		this.#percent = percent;
		if (this.#plot) this.#plot.setData([data.ts, data.value]);
		else {
			this.#plot = new uPlot(/** @type {any} */ (this.#options()), [data.ts, data.value], this.box);
			followFinger(this.#plot);
		}
	}

	/**
	 * @param {string} key
	 * @returns {boolean} whether the key leads anywhere
	 */
	moveCursor(key) {
		const plot = this.#plot;
		const index = plot ? moved(key, plot.cursor.idx, plot.data[0].length - 1) : null;
		if (!plot || index === null) return false;
		const value = /** @type {(number | null)[]} */ (plot.data[1])[index];
		plot.setCursor({ left: plot.valToPos(/** @type {number[]} */ (plot.data[0])[index], 'x'), top: value === null ? 0 : plot.valToPos(value, 'y') });
		return true;
	}

	hideCursor() {
		this.#plot?.setCursor({ left: -10, top: -10 });
	}

	restyle() {
		this.#palette = readPalette();
		this.#plot?.redraw(false, true);
	}

	#fit() {
		const { clientWidth: width, clientHeight: height } = this.box;
		if (this.#plot && width > 0 && (this.#plot.width !== width || this.#plot.height !== height)) this.#plot.setSize({ width, height });
	}

	#options() {
		const palette = () => this.#palette;
		return {
			width: this.box.clientWidth,
			height: this.box.clientHeight,
			legend: { show: false },
			cursor: { drag: { x: false, y: false }, points: { size: 7, width: 2 }, y: false },
			scales: { x: { time: true } },
			tzDate: zonedDate,
			padding: [10, 0, 0, 20],
			axes: [timeAxis(palette, true), valueAxis(palette, (_plot, splits) => (this.#percent ? percentLabels(splits) : axisLabels(splits)), 34)],
			series: [{}, { stroke: () => this.#palette.line, width: 1.5, points: { show: false } }],
			hooks: {
				draw: [(/** @type {uPlot} */ plot) => this.#drawZero(plot)],
				setCursor: [(/** @type {uPlot} */ plot) => this.onCursor(plot.cursor.idx ?? null)],
			},
		};
	}

	/** @param {uPlot} plot */
	#drawZero(plot) {
		const { ctx, bbox } = plot;
		const y = plot.valToPos(0, 'y', true);
		if (!(y > bbox.top && y < bbox.top + bbox.height)) return;
		ctx.save();
		ctx.strokeStyle = this.#palette.text;
		ctx.globalAlpha = 0.5;
		ctx.beginPath();
		ctx.moveTo(bbox.left, y);
		ctx.lineTo(bbox.left + bbox.width, y);
		ctx.stroke();
		ctx.restore();
	}
}
