// Loaded before a program that is written for port 8765: its connections go to PULSE_TEST_PORT instead.
const net = require('node:net');

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...parameters) {
	const [options] = Array.isArray(parameters[0]) ? parameters[0] : parameters;
	if (Number(options?.port) === 8765) {
		options.port = Number(process.env.PULSE_TEST_PORT);
		options.host = '127.0.0.1';
	}
	return connect.apply(this, parameters);
};
