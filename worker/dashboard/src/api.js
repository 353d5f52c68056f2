/** An answer that says why there is none; status is 0 where nothing answered. */
export class ApiError extends Error {
	/** @param {string} message @param {number} status */
	constructor(message, status) {
		super(message);
		this.status = status;
	}
}

/** @param {string} path @param {RequestInit} options */
async function call(path, options) {
	const response = await fetch(`/api/v1/${path}`, { ...options, headers: { accept: 'application/json', ...options.headers } })
		.catch(() => { throw new ApiError('the worker does not answer', 0); });
	const body = await response.json().catch(() => null);
	// Errors are problem documents (RFC 9457).
	if (!response.ok) throw new ApiError(body?.detail ?? body?.title ?? `status ${response.status}`, response.status);
	return body;
}

/**
 * Reads one resource of the daemon's REST interface.
 * @param {string} path  below /api/v1/
 * @param {Record<string, string | number | null>} [parameters]  null ones are left out
 * @returns {Promise<any>}
 */
export function fetchJson(path, parameters = {}) {
	const query = Object.entries(parameters).filter(([, value]) => value !== null)
		.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&');
	return call(query ? `${path}?${query}` : path, {});
}

/**
 * Changes something.
 * @param {'POST' | 'DELETE'} method
 * @param {string} path  below /api/v1/
 * @param {object} [body]
 * @returns {Promise<any>}
 */
export function sendJson(method, path, body = {}) {
	return call(path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}
