/**
 * Reads one resource of the daemon's REST interface.
 * @param {string} path  below /api/v1/
 * @param {Record<string, string | number | null>} [parameters]  null ones are left out
 * @returns {Promise<any>}
 */
export async function fetchJson(path, parameters = {}) {
	const query = Object.entries(parameters).filter(([, value]) => value !== null)
		.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&');
	const response = await fetch(`/api/v1/${path}${query ? `?${query}` : ''}`, { headers: { accept: 'application/json' } });
	const body = await response.json().catch(() => null);
	// Errors are problem documents (RFC 9457).
	if (!response.ok) throw new Error(body?.detail ?? body?.title ?? `status ${response.status}`);
	return body;
}
