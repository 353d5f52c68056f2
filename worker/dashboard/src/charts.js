import uPlot from 'uplot';
import { AXIS_WIDTH, followFinger, moved, percentLabels, plainJoints, readPalette, timeAxis, valueAxis, zonedDate } from './axes.js';
import { axisLabels, short } from './format.js';

/** @typedef {import('./history.js').History} History */

const SYNC = 'pulse';
const LABEL_HEIGHT = 18;
const LINE = 1.75;
const THIN_LINE = 1.25;

/**
 * The equity curve with the underwater curve below it; one cursor and one zoom for both.
 */
export class EquityCharts {
	/** @type {uPlot | null} */ #equity = null;
	/** @type {uPlot | null} */ #underwater = null;
	#palette = readPalette();
	#revision = -1;
	/** @type {History | null} */ #history = null;
	/** @type {import('./history.js').Flow[]} */ #flows = [];
	#zoomed = false;
	/** @type {null[]} as long as the curve, where there is no benchmark */ #none = [];
	/** @type {ResizeObserver} */ #resizes;

	/**
	 * @param {HTMLElement} equityBox
	 * @param {HTMLElement} underwaterBox
	 * @param {(index: number | null) => void} onCursor
	 * @param {(range: { from: number, to: number } | null) => void} onZoom  epoch seconds; null for the whole range again
	 */
	constructor(equityBox, underwaterBox, onCursor, onZoom) {
		this.equityBox = equityBox;
		this.underwaterBox = underwaterBox;
		this.onCursor = onCursor;
		this.onZoom = onZoom;
		this.#resizes = new ResizeObserver(() => this.#fit());
		this.#resizes.observe(equityBox);
		this.#resizes.observe(underwaterBox);
	}

	/** @param {History} history */
	show(history) {
		if (history === this.#history && history.revision === this.#revision) return;
		this.#history = history;
		this.#revision = history.revision;
		this.#flows = history.flows;
		const x = history.ts;
		if (!this.#equity || !this.#underwater) {
			this.#equity = this.#make(this.equityBox, this.#equityOptions(), [x, history.value, this.#benchmarkOf(history)]);
			this.#underwater = this.#make(this.underwaterBox, this.#underwaterOptions(), [x, history.underwater]);
			this.#chooseWidths();
			return;
		}
		this.#chooseWidths();
		// While zoomed the picture stands still; the new points wait outside it.
		this.#equity.setData(/** @type {any} */ ([x, history.value, this.#benchmarkOf(history)]), !this.#zoomed);
		this.#underwater.setData([x, history.underwater], !this.#zoomed);
		if (this.#zoomed) {
			this.#equity.redraw();
			this.#underwater.redraw();
		}
	}

	/** Where points stand closer than pixels, thin lines show more, and cost a quarter. */
	#chooseWidths() {
		const dense = this.#history !== null && this.#history.ts.length > this.equityBox.clientWidth;
		if (this.#equity) this.#equity.series[1].width = dense ? 1 : LINE;
		if (this.#underwater) this.#underwater.series[1].width = dense ? 1 : THIN_LINE;
	}

	/** @param {History} history */
	#benchmarkOf({ benchmark, ts }) {
		if (benchmark.length > 0) return benchmark;
		while (this.#none.length < ts.length) this.#none.push(null);
		this.#none.length = ts.length;
		return this.#none;
	}

	/** Shows the whole range again. */
	resetZoom() {
		if (!this.#zoomed) return;
		this.#zoomed = false;
		this.onZoom(null);
		for (const plot of this.#plots()) plot.setData(plot.data, true);
	}

	/** Takes over the colours and the time zone that now hold. */
	restyle() {
		this.#palette = readPalette();
		for (const plot of this.#plots()) plot.redraw(false, true);
	}

	/**
	 * Moves the cursor by points, for the keyboard.
	 * @param {string} key
	 * @returns {boolean} whether the key leads anywhere
	 */
	moveCursor(key) {
		const plot = this.#equity;
		const index = plot ? moved(key, plot.cursor.idx, plot.data[0].length - 1) : null;
		if (index === null) return false;
		for (const each of this.#plots()) {
			const left = each.valToPos(/** @type {number[]} */ (each.data[0])[index], 'x');
			const y = /** @type {(number | null)[]} */ (each.data[1])[index];
			each.setCursor({ left, top: y === null ? 0 : each.valToPos(y, 'y') });
		}
		return true;
	}

	hideCursor() {
		for (const plot of this.#plots()) plot.setCursor({ left: -10, top: -10 });
	}

	#plots() {
		return this.#equity && this.#underwater ? [this.#equity, this.#underwater] : [];
	}

	/** @param {uPlot} plot where a stretch of time has been selected */
	#zoom(plot) {
		const { left, width } = plot.select;
		if (width <= 0) return;
		this.#zoomed = true;
		this.onZoom({ from: plot.posToVal(left, 'x'), to: plot.posToVal(left + width, 'x') });
	}

	/** @param {HTMLElement} box @param {any} options @param {any} data */
	#make(box, options, data) {
		const plot = new uPlot({ ...options, width: box.clientWidth, height: box.clientHeight }, data, box);
		followFinger(plot);
		return plot;
	}

	#fit() {
		for (const [plot, box] of /** @type {[uPlot | null, HTMLElement][]} */ ([
			[this.#equity, this.equityBox], [this.#underwater, this.underwaterBox]])) {
			if (plot && box.clientWidth > 0 && (plot.width !== box.clientWidth || plot.height !== box.clientHeight)) {
				plot.setSize({ width: box.clientWidth, height: box.clientHeight });
			}
		}
	}

	#common() {
		return {
			legend: { show: false },
			cursor: {
				sync: { key: SYNC, setSeries: false, scales: ['x', null] },
				drag: { x: true, y: false, uni: 12 },
				points: { size: 8, width: 2 },
				y: false,
				bind: { dblclick: () => () => { this.resetZoom(); return null; } },
			},
			scales: { x: { time: true } },
			tzDate: zonedDate,
		};
	}

	/**
	 * Labels of the values, without those that the label of the newest value would cover.
	 * @param {uPlot} plot
	 * @param {number[]} splits
	 */
	#valueLabels(plot, splits) {
		const values = /** @type {(number | null)[]} */ (plot.data[1]);
		const last = values[values.length - 1];
		const labels = axisLabels(splits);
		if (last === null || last === undefined) return labels;
		const at = plot.valToPos(last, 'y');
		return labels.map((label, index) => (Math.abs(plot.valToPos(splits[index], 'y') - at) < LABEL_HEIGHT ? '' : label));
	}

	#equityOptions() {
		return {
			...this.#common(),
			padding: [14, 0, 0, 20],
			axes: [timeAxis(() => this.#palette, false), valueAxis(() => this.#palette, (plot, splits) => this.#valueLabels(plot, splits), 44)],
			series: [
				{},
				{
					stroke: () => this.#palette.line,
					width: LINE,
					points: { show: false },
					fill: (/** @type {uPlot} */ plot) => this.#gradient(plot),
				},
				{ stroke: () => this.#palette.text, width: 1.25, dash: [5, 4], points: { show: false } },
			],
			hooks: {
				drawAxes: [plainJoints],
				draw: [(/** @type {uPlot} */ plot) => this.#drawFlows(plot), (/** @type {uPlot} */ plot) => this.#drawLast(plot)],
				setCursor: [(/** @type {uPlot} */ plot) => this.onCursor(plot.cursor.idx ?? null)],
				setSelect: [(/** @type {uPlot} */ plot) => this.#zoom(plot)],
			},
		};
	}

	#underwaterOptions() {
		return {
			...this.#common(),
			padding: [6, 0, 0, 20],
			scales: {
				x: { time: true },
				y: { range: (/** @type {uPlot} */ _plot, /** @type {number} */ min) => [Math.min(-0.005, (min ?? 0) * 1.1), 0] },
			},
			axes: [
				timeAxis(() => this.#palette, true),
				valueAxis(() => this.#palette, (_plot, splits) => percentLabels(splits), 28),
			],
			series: [
				{},
				{
					stroke: () => this.#palette.loss,
					width: THIN_LINE,
					points: { show: false },
					fill: () => this.#palette.lossFill,
					fillTo: 0,
				},
			],
			hooks: {
				drawAxes: [plainJoints],
				setSelect: [(/** @type {uPlot} */ plot) => this.#zoom(plot)],
			},
		};
	}

	/** @param {uPlot} plot */
	#gradient(plot) {
		const { top, height } = plot.bbox;
		if (!Number.isFinite(top + height) || height === 0) return this.#palette.fill;
		const gradient = plot.ctx.createLinearGradient(0, top, 0, top + height);
		gradient.addColorStop(0, this.#palette.fill);
		gradient.addColorStop(1, this.#palette.fade);
		return gradient;
	}

	/**
	 * Marks deposits and withdrawals: a step of the curve there is no profit.
	 * @param {uPlot} plot
	 */
	#drawFlows(plot) {
		const { ctx, bbox } = plot;
		const scale = uPlot.pxRatio;
		ctx.save();
		ctx.strokeStyle = ctx.fillStyle = this.#palette.text;
		ctx.font = `${10.5 * scale}px ${this.#palette.font}`;
		ctx.textBaseline = 'bottom';
		ctx.setLineDash([scale, 3 * scale]);
		let free = -Infinity;
		for (const { ts, amount } of this.#flows) {
			const x = plot.valToPos(ts, 'x', true);
			if (x < bbox.left || x > bbox.left + bbox.width) continue;
			const bottom = bbox.top + bbox.height;
			ctx.beginPath();
			ctx.moveTo(x, bottom);
			ctx.lineTo(x, bottom - 26 * scale);
			ctx.stroke();
			const label = `${amount > 0 ? 'deposit +' : 'withdrawal '}${short(amount)}`;
			const width = ctx.measureText(label).width;
			const left = Math.min(x + 4 * scale, bbox.left + bbox.width - width);
			if (left < free) continue;
			ctx.fillText(label, left, bottom - 12 * scale);
			free = left + width + 6 * scale;
		}
		ctx.restore();
	}

	/**
	 * Marks the newest value on the curve and on the axis, as price scales do.
	 * @param {uPlot} plot
	 */
	#drawLast(plot) {
		const [xs, ys] = /** @type {[number[], (number | null)[]]} */ (plot.data);
		const last = xs.length - 1;
		const value = last < 0 ? null : ys[last];
		if (value === null || value === undefined) return;
		const { ctx, bbox } = plot;
		const scale = uPlot.pxRatio;
		const x = plot.valToPos(xs[last], 'x', true);
		const y = plot.valToPos(value, 'y', true);
		if (x > bbox.left + bbox.width + 1 || x < bbox.left || y < bbox.top - 1 || y > bbox.top + bbox.height + 1) return;
		ctx.save();
		ctx.strokeStyle = this.#palette.line;
		ctx.globalAlpha = 0.45;
		ctx.setLineDash([2 * scale, 3 * scale]);
		ctx.beginPath();
		ctx.moveTo(bbox.left, y);
		ctx.lineTo(bbox.left + bbox.width, y);
		ctx.stroke();
		ctx.setLineDash([]);
		ctx.globalAlpha = 1;
		const left = bbox.left + bbox.width + 3 * scale;
		const height = LABEL_HEIGHT * scale;
		ctx.fillStyle = this.#palette.line;
		ctx.beginPath();
		ctx.roundRect(left, y - height / 2, (AXIS_WIDTH - 5) * scale, height, 4 * scale);
		ctx.fill();
		ctx.fillStyle = this.#palette.label;
		ctx.font = `600 ${11 * scale}px ${this.#palette.font}`;
		ctx.textAlign = 'left';
		ctx.textBaseline = 'middle';
		ctx.fillText(short(value), left + 5 * scale, y + scale * 0.5);
		ctx.restore();
	}
}
