import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as format from '../../worker/dashboard/src/format.js';

const MINUS = '\u2212';

test('money keeps every digit that a double would lose', () => {
	for (const [input, shown] of [
		['9007199254740993.01', '9,007,199,254,740,993.01'],
		['123456789012345678901234567890.125', '123,456,789,012,345,678,901,234,567,890.13'],
		['-0.005', `${MINUS}0.01`],
		['-0.004', '0.00'],
		['0', '0.00'],
		['1000', '1,000.00'],
		['-1234567.891', `${MINUS}1,234,567.89`],
		['1.005', '1.01'],
		['.5', '0.50'],
		[12.5, '12.50'],
		[1e-7, '0.00'],
		['1e3', '1,000.00'],
	]) assert.equal(format.money(input), shown, String(input));
});

test('what is no number is shown as missing', () => {
	for (const input of [null, undefined, '', 'NaN', 'Infinity', '-', '.', '1,000', '0x10', '<b>1</b>']) {
		assert.equal(format.money(input), format.MISSING, String(input));
		assert.equal(format.signOf(input), null, String(input));
	}
	for (const input of [null, undefined, NaN, Infinity, '0.1']) assert.equal(format.percent(input), format.MISSING, String(input));
});

test('signs', () => {
	assert.equal(format.money('12.3', true), '+12.30');
	assert.equal(format.money('-12.3', true), `${MINUS}12.30`);
	assert.equal(format.money('0.001', true), '0.00', 'what rounds to nothing is no gain');
	assert.equal(format.percent(0.0123, { signed: true }), '+1.23%');
	assert.equal(format.percent(-0.00001, { signed: true }), '0.00%');
	assert.deepEqual(['0.1', '-0.1', '0', '-0.0'].map(format.signOf), [1, -1, 0, 0]);
});

test('prices, quantities and fees show what they were given with, within reason', () => {
	assert.equal(format.price('45000'), '45,000.00');
	assert.equal(format.price('0.00000812'), '0.00000812');
	assert.equal(format.quantity('0.10000000'), '0.1');
	assert.equal(format.quantity('1500'), '1,500');
	assert.equal(format.amount('2.309844'), '2.31');
	assert.equal(format.amount('0.00002309844'), '0.0000231');
	assert.equal(format.amount('0.0001'), '0.0001');
	assert.equal(format.amount('0'), '0.00');
	assert.equal(format.amount('-1.5'), `${MINUS}1.50`);
});

test('percentages group their thousands and nothing else', () => {
	assert.equal(format.percent(123.456), '12,345.60%');
	assert.equal(format.ratio(1234.5678, 4), '1,234.5678');
	assert.equal(format.percent(1.2373e11, { signed: true }), '1.24e13%');
	assert.equal(format.ratio(-2.5e20), `${MINUS}2.50e20`);
});

test('labels of an axis differ from one another', () => {
	assert.deepEqual(format.axisLabels([95000, 100000, 105000]), ['95k', '100k', '105k']);
	assert.deepEqual(format.axisLabels([100000, 100250, 100500]), ['100.00k', '100.25k', '100.50k']);
	assert.deepEqual(format.axisLabels([-5, -2.5, 0]), [`${MINUS}5.0`, `${MINUS}2.5`, '0']);
	assert.deepEqual(format.axisLabels([0.01, 0.02, 0.03]), ['0.01', '0.02', '0.03']);
	assert.deepEqual(format.axisLabels([2e9, 4e9]), ['2B', '4B']);
	for (const step of [0.1, 0.2, 0.25, 0.5, 1, 2, 2.5, 5, 10, 20, 25, 50, 100, 1000]) {
		for (const start of [0, 1000, 99000, 12_000_000]) {
			const labels = format.axisLabels([0, 1, 2, 3].map((each) => start + each * step));
			assert.equal(new Set(labels).size, 4, labels.join(' '));
		}
	}
});

test('ages', () => {
	assert.deepEqual([-5000, 0, 5000, 65_000, 7_200_000, 86_400_000, 200_000_000].map(format.age),
		['just now', 'just now', '5 s ago', '1 min ago', '2 h ago', '1 day ago', '2 days ago']);
	assert.equal(format.time('not a time'), format.MISSING);
	assert.equal(format.time(null), format.MISSING);
});
