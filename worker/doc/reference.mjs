// Prints a reference as Markdown from what the worker itself is made of: reference.mjs events|http|metrics
import { readFileSync, readdirSync } from 'node:fs';

const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');
const load = (name) => JSON.parse(read(name));

/** A cell of a table. */
const cell = (text) => String(text ?? '').replaceAll('|', '\\|').replaceAll('\n', ' ');

/** The name behind a reference, such as Trade. */
const nameOf = (reference) => reference.split('/').at(-1);

/** What a value may be, in few words. */
function typeOf(schema, link) {
	if (schema.$ref) return link(nameOf(schema.$ref));
	if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
	if (schema.enum) return schema.enum.map((each) => `\`${each}\``).join(' ');
	const choices = schema.anyOf ?? schema.oneOf;
	if (choices) return choices.map((each) => typeOf(each, link)).join(' or ');
	const types = [schema.type ?? 'any'].flat();
	const names = types.map((type) => {
		if (type === 'array') return `array of ${typeOf(schema.items ?? {}, link)}`;
		if (type === 'string' && schema.pattern?.startsWith('^[0-9]{4')) return 'time';
		if (type === 'string' && schema.pattern?.includes('NaN')) return 'decimal string';
		return type;
	});
	const range = [schema.minimum !== undefined ? `from ${schema.minimum}` : '', schema.maximum !== undefined ? `to ${schema.maximum}` : ''].filter(Boolean).join(' ');
	return [names.join(' or '), range].filter(Boolean).join(', ');
}

/** Rows of a table for the properties of an object, those of objects within it under their path. */
function* fieldsOf(schema, link, prefix = '') {
	for (const [name, each] of Object.entries(schema.properties ?? {})) {
		const required = schema.required?.includes(name);
		const description = each.description === 'exact decimal number' ? '' : each.description ?? '';
		yield `| \`${prefix}${name}\`${required ? '' : ', optional'} | ${cell(typeOf(each, link))} | ${cell(description)} |`;
		if (!each.$ref && each.properties) yield* fieldsOf(each, link, `${prefix}${name}.`);
		if (!each.items?.$ref && each.items?.properties) yield* fieldsOf(each.items, link, `${prefix}${name}[].`);
	}
}

/** A table of fields, or a sentence where there is no object. */
function table(schema, link) {
	const target = schema.type === 'array' && schema.items?.properties ? schema.items : schema;
	const rows = [...fieldsOf(target, link)];
	const head = target === schema ? '' : 'An array; each entry:\n\n';
	return rows.length > 0 ? `${head}| field | type | meaning |\n|---|---|---|\n${rows.join('\n')}\n` : `${typeOf(schema, link)}\n`;
}

const linkTo = (name) => `[${name}](#${name.toLowerCase()})`;

function events() {
	const { channels, components, info, operations } = load('asyncapi.json');
	const envelope = ['v', 'type', 'seq', 'prev_seq', 'epoch', 'timestamp', 'portfolio', 'key', 'priority', 'urgent'];
	const out = [`# Messages of the stream\n\nMade from [asyncapi.json](asyncapi.json) by \`make docs\`. ${info.description ?? ''}

Events also carry \`v\` (1), \`type\`, \`seq\`, \`prev_seq\`, \`epoch\` (numbers of different epochs do not compare), \`timestamp\`, \`portfolio\`, \`key\` (what newer
messages of the type replace: a portfolio, a symbol) and \`priority\`. Times are ISO 8601 in UTC, decimal strings are exact, undefined is null.
`];
	for (const [title, operation] of [['From the worker', operations.sendToClient], ['From a client', operations.receiveFromClient]]) {
		out.push(`\n# ${title}\n`);
		for (const { $ref } of operation.messages) {
			const { name, summary, payload } = components.messages[nameOf(channels.stream.messages[nameOf($ref)].$ref)];
			out.push(`\n## ${name}\n\n${summary}\n`);
			const { data, ...others } = payload.properties;
			const isEvent = payload.required?.includes('prev_seq');
			const plain = Object.fromEntries(Object.entries(others).filter(([key]) => key !== 'type' && !(isEvent && envelope.includes(key))));
			const own = { properties: { ...plain, ...(data ? { data } : {}) }, required: payload.required };
			out.push(Object.keys(own.properties).length > 0 ? `\n${table(own, linkTo)}` : '\nNothing but its type.\n');
		}
	}
	out.push('\n# Data\n');
	for (const [name, schema] of Object.entries(components.schemas)) out.push(`\n## ${name}\n\n${schema.description ? `${schema.description}\n\n` : ''}${table(schema, linkTo)}`);
	return out.join('');
}

function http() {
	const { components, info, paths } = load('openapi.json');
	const out = [`# HTTP\n\nMade from [openapi.json](openapi.json) by \`make docs\`; the worker serves it at \`/api/v1/openapi.json\`. ${info.description}\n`];
	for (const [path, methods] of Object.entries(paths)) {
		for (const [method, { summary, description, parameters = [], requestBody, responses }] of Object.entries(methods)) {
			out.push(`\n## ${method.toUpperCase()} ${path}\n\n${summary}.${description ? ` ${description}` : ''}\n`);
			if (parameters.length > 0) {
				out.push('\n| parameter | type | meaning |\n|---|---|---|\n');
				for (const { name, in: place, required, schema, description: meaning } of parameters) {
					const initial = schema.default === undefined ? '' : `, default \`${schema.default}\``;
					out.push(`| \`${name}\`${place === 'path' ? '' : required ? ', required' : ''} | ${cell(typeOf(schema, linkTo))}${initial} | ${cell(meaning)} |\n`);
				}
			}
			const body = requestBody?.content['application/json']?.schema;
			if (body) out.push(`\nBody:\n\n${table(body, linkTo)}`);
			const [status, answer] = Object.entries(responses).find(([code]) => code.startsWith('2')) ?? [];
			const schema = answer?.content?.['application/json']?.schema;
			if (schema) out.push(`\nAnswer: ${schema.$ref ? linkTo(nameOf(schema.$ref)) : typeOf(schema, linkTo)}.\n`);
			else if (status) out.push(`\nAnswer: ${status}, ${answer.description}.\n`);
		}
	}
	out.push('\n# Answers\n');
	for (const [name, schema] of Object.entries(components.schemas)) out.push(`\n## ${name}\n\n${schema.description ? `${schema.description}\n\n` : ''}${table(schema, linkTo)}`);
	return out.join('');
}

/** Every figure that the sources print, with its HELP; a name without one is an error. */
function metrics() {
	const found = new Map();
	const named = new Set();
	for (const file of readdirSync(new URL('../src/', import.meta.url)).filter((name) => name.endsWith('.c')).sort()) {
		// Texts that go on in the next line are one text.
		const source = read(`../src/${file}`).replace(/"\s*\n\s*"/g, '');
		for (const [, name, type, help] of source.matchAll(/"(pulse_[a-z0-9_]+)",\s*"(gauge|counter|histogram)",\s*"([^"]+)"/g)) found.set(name, { type, help });
		for (const [, name, help, type] of source.matchAll(/# HELP (pulse_[a-z0-9_]+) (.+?)\\n# TYPE \1 (gauge|counter|histogram)\\n/g)) found.set(name, { type, help });
		for (const [, name] of source.matchAll(/"(?:[^"\n]*\\n)?(pulse_[a-z0-9_]+?)(?:_bucket|_sum|_count)?(?:\{[a-z]+=| %)/g)) named.add(name);
	}
	const missing = [...named].filter((name) => !found.has(name));
	if (missing.length > 0) throw new Error(`figures without a HELP: ${missing.join(' ')}`);
	const rows = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { type, help }]) => `| \`${name}\` | ${type} | ${cell(help)} |`);
	return `# Figures for Prometheus\n\nMade from the worker's sources by \`make docs\`. \`/metrics\` shows those of the parts that are switched on; where there are
several of a kind, a label (\`probe\`, \`sink\`, \`remote\`, \`kind\` …) tells them apart. Rules and a Grafana dashboard: \`worker/contrib\`.

| name | type | meaning |\n|---|---|---|\n${rows.join('\n')}\n`;
}

const references = { events, http, metrics };
const wanted = process.argv[2];
if (!Object.hasOwn(references, wanted ?? '')) {
	console.error(`reference.mjs ${Object.keys(references).join('|')}`);
	process.exit(2);
}
process.stdout.write(references[wanted]());
