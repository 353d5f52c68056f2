// What Telegram's HTML parse mode accepts: a few tags, properly nested, and four named entities.

/** Thrown with the words that Telegram puts after "can't parse entities: ". */
export class EntityError extends Error {}

const TAGS = new Set(['a', 'b', 'strong', 'i', 'em', 's', 'strike', 'del', 'u', 'ins', 'tg-spoiler', 'tg-emoji', 'span', 'pre',
	'code', 'blockquote']);
const NAMED = { lt: '<', gt: '>', amp: '&', quot: '"' };

/** Decodes an entity, or returns undefined for one that stays as it is written. */
function decode(name) {
	if (Object.hasOwn(NAMED, name)) return NAMED[name];
	const match = /^#(?:x([0-9a-f]+)|(\d+))$/i.exec(name);
	if (!match) return undefined;
	const code = match[1] ? parseInt(match[1], 16) : Number(match[2]);
	return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}

const TYPES = { b: 'bold', strong: 'bold', i: 'italic', em: 'italic', u: 'underline', ins: 'underline', s: 'strikethrough', strike: 'strikethrough',
	del: 'strikethrough', 'tg-spoiler': 'spoiler', 'tg-emoji': 'custom_emoji', code: 'code', pre: 'pre', blockquote: 'blockquote', a: 'text_link' };

/**
 * Returns the text that a reader would see, and its entities; both count in UTF-16 units, as strings do here.
 * @param {string} html
 * @returns {{text: string, entities: {type: string, offset: number, length: number}[]}}
 * @throws {EntityError} where Telegram refuses the message
 */
export function parseHtml(html) {
	const open = [];
	const entities = [];
	const offset = (index) => Buffer.byteLength(html.slice(0, index));
	let plain = '';
	let index = 0;
	while (index < html.length) {
		if (html[index] === '&') {
			const entity = /^&(#?\w+);?/.exec(html.slice(index));
			const decoded = entity && decode(entity[1]);
			plain += decoded ?? '&';
			index += decoded === undefined || decoded === null ? 1 : entity[0].length;
		} else if (html[index] === '<') {
			const tag = /^<(\/?)([a-z][a-z0-9-]*)?((?:\s+[a-z-]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>"']+))?)*)\s*>/i.exec(html.slice(index));
			if (!tag || !tag[2]) throw new EntityError(`Unsupported start tag "${/^<\/?(\S*)/.exec(html.slice(index))[1]}" at byte offset ${offset(index)}`);
			const name = tag[2].toLowerCase();
			if (!TAGS.has(name)) throw new EntityError(`Unsupported start tag "${name}" at byte offset ${offset(index)}`);
			if (tag[1] === '') {
				open.push({ name, start: plain.length });
			} else if (open.length === 0) {
				throw new EntityError(`Unexpected end tag at byte offset ${offset(index)}`);
			} else {
				const { name: opened, start } = open.pop();
				if (opened !== name) throw new EntityError(`Unmatched end tag at byte offset ${offset(index)}, found "</${name}>"`);
				if (TYPES[name] && plain.length > start) entities.push({ type: TYPES[name], offset: start, length: plain.length - start });
			}
			index += tag[0].length;
		} else {
			plain += html[index++];
		}
	}
	if (open.length > 0) throw new EntityError(`Can't find end tag corresponding to start tag "${open.at(-1).name}"`);
	return { text: plain, entities: entities.sort((a, b) => a.offset - b.offset || b.length - a.length) };
}
