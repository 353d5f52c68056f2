/**
 * Reads one resource of the daemon's REST interface.
 * @param {string} path  below /api/v1/
 * @param {Record<string, string | number | null>} [parameters]  null ones are left out
 * @returns {Promise<any>}
 */
export async function fetchJson(path, parameters = {}) {
	const query = new URLSearchParams();
	for (const [name, value] of Object.entries(parameters)) {
		if (value !== null) query.set(name, String(value));
	}
	const text = query.toString();
	const response = await fetch(`/api/v1/${path}${text ? `?${text}` : ''}`, { headers: { accept: 'application/json' } });
	const body = await response.json().catch(() => null);
	// Errors are problem documents (RFC 9457).
	if (!response.ok) throw new Error(body?.detail ?? body?.title ?? `status ${response.status}`);
	return body;
}
