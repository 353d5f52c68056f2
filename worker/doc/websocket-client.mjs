// The same in a browser (<script type="module">) and under node (npm install ws).
const { WebSocket } = globalThis.WebSocket ? globalThis : await import('ws');
const ws = new WebSocket('ws://localhost:8765/');

ws.onopen = () => ws.send(JSON.stringify({ type: 'REQUEST_SNAPSHOT' }));

ws.onmessage = (event) => {
  const { type, data } = JSON.parse(event.data);
  switch (type) {
    case 'SNAPSHOT': // everything at once; the messages after it continue exactly from there
      console.log('value', data.portfolio.total_value, 'Sharpe', data.performance.sharpe);
      break;
    case 'PORTFOLIO_UPDATE':
      console.log('value', data.total_value); // money is a decimal string: exact
      break;
    case 'TRADE_ALERT':
      console.log(data.side, data.quantity, data.symbol, 'at', data.price);
      break;
  }
};

ws.onclose = ({ code, reason }) => console.log('closed', code, reason);
