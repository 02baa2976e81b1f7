// BullMQ's side: the producer (order.py, produce.py) and the worker with the jobs of jobs.py.
import { closeSync, openSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../tests/interop/package.json', import.meta.url));
const { Queue, Worker } = require('bullmq');

const QUEUE = 'bench';
const BULK = 1000;
const url = new URL(process.env.BENCH_REDIS_URL);
const connection = { host: url.hostname, port: Number(url.port) };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function produce(order) {
  const queue = new Queue(QUEUE, { connection });
  const step = Math.max(order.delay_until_s - order.delay_s, 0) / order.n;
  const delays = Array.from({ length: order.n }, (_, i) => Math.floor((order.delay_s + i * step) * 1000));
  const job = (delay, nowMs) => ({ name: 'run', data: { job: order.job, number: nowMs + delay }, opts: { delay } });
  if (order.warm) {
    const { name, data, opts } = job(0, Date.now());
    await queue.add(name, data, opts);
  }
  const start = performance.now(), cpu = process.cpuUsage();
  if (order.bulk) {
    const nowMs = Date.now();
    for (let i = 0; i < order.n; i += BULK) {
      await queue.addBulk(delays.slice(i, i + BULK).map((delay) => job(delay, nowMs)));
    }
  } else {
    for (const delay of delays) {
      if (order.pause_s) await sleep(order.pause_s * 1000);
      const { name, data, opts } = job(delay, Date.now());
      await queue.add(name, data, opts);
    }
  }
  const seconds = (performance.now() - start) / 1000, used = process.cpuUsage(cpu);
  console.log(JSON.stringify({ seconds, cpu_s: (used.user + used.system) / 1e6 }));
  await queue.close();
}

function work(concurrency) {
  const marks = openSync(process.env.BENCH_MARKS, 'a');
  const total = Number(process.env.BENCH_TOTAL);
  let runs = 0;
  const mark = (number) =>
    writeSync(marks, `${(performance.timeOrigin + performance.now()).toFixed(3)} ${number.toFixed(3)} ${process.pid}\n`);
  const run = async ({ data: { job, number } }) => {
    if (job === 'io') await sleep(10);
    if (job === 'count' || job === 'io') {
      runs += 1;
      if (runs === 1 || runs === total) mark(number);
      return;
    }
    mark(number);
    if (job === 'hold') await sleep(Number(process.env.BENCH_HELD_S) * 1000);
  };
  const worker = new Worker(QUEUE, run, { connection, concurrency });
  worker.on('error', (error) => console.error(error.message));
  process.on('SIGTERM', () => { closeSync(marks); process.exit(0); });
}

const [mode, argument] = process.argv.slice(2);
if (mode === 'produce') await produce(JSON.parse(argument));
else work(Number(argument));
