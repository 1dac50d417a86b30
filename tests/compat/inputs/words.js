// Words, one worker thread for each seed, through compression and ciphers: words.js COUNT SEED...
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const zlib = require('zlib');
const crypto = require('crypto');

function table(count, number) {
  const values = new Map();
  for (let i = 0; i < count; i++) {
    number = number * 16807 % 2147483647;
    const key = 'k' + number % 9973;
    const piece = String.fromCharCode(97 + number % 26).repeat(Math.floor(number / 128) % 61 + 1);
    const old = values.get(key) || '';
    values.set(key, old.length > 3000 ? piece : old + piece);
  }
  return [...values.keys()].sort().map((key) => {
    const text = values.get(key);
    return `${key} ${text.length} ${text.slice(0, 8)} ${text.slice(-8)}\n`;
  }).join('');
}

// Buffers, streams and OpenSSL contexts live outside the JavaScript heap.
function roundTrip(text) {
  const key = crypto.createHash('sha256').update(text).digest();
  const cipher = crypto.createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const sealed = Buffer.concat([cipher.update(zlib.gzipSync(JSON.stringify({ text }))), cipher.final()]);
  const decipher = crypto.createDecipheriv('aes-256-ctr', key, Buffer.alloc(16));
  return JSON.parse(zlib.gunzipSync(Buffer.concat([decipher.update(sealed), decipher.final()]))).text;
}

if (isMainThread) {
  const [count, ...seeds] = process.argv.slice(2).map(Number);
  Promise.all(seeds.map((seed) => new Promise((resolve, reject) => {
    const worker = new Worker(__filename, { workerData: { count, seed } });
    worker.on('message', resolve);
    worker.on('error', reject);
  }))).then((tables) => process.stdout.write(tables.join('')));
} else {
  let text = table(workerData.count, workerData.seed);
  for (let i = 0; i < 20; i++) text = roundTrip(text);
  parentPort.postMessage(text);
}
