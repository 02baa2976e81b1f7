// The real BullMQ, at the other end of a pipe: one JSON request a line on stdin, one JSON answer a line on stdout.
// A request {id, op, args} is answered {id, value} or {id, error}; several may be under way at once.
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { ExpressAdapter } from '@bull-board/express'
import { CronExpressionParser } from 'cron-parser'
import express from 'express'
import { FlowProducer, Queue, QueueEvents, UnrecoverableError, Worker } from 'bullmq'

let connection
let prefix
const open = new Map()
let collected = {}

/** The one Queue, QueueEvents, Worker … of that kind and name; they close together. */
function shared(kind, name, make) {
  const key = `${kind}:${name}`
  if (!open.has(key)) open.set(key, make())
  return open.get(key)
}

const queue = (name) => shared('queue', name, () => new Queue(name, { connection, prefix }))
const events = (name) => shared('events', name, () => new QueueEvents(name, { connection, prefix, lastEventId: '0-0' }))

/** What Node's workers do with a job, by its name. */
const processors = {
  echo: async (job) => { await job.updateProgress({ percent: 50 }); return { echo: job.data } },
  fail: async (job) => { throw new Error(`no: ${job.data.why}`) },
  refuse: async (job) => { throw new UnrecoverableError(`never: ${job.data.why}`) },
  gather: async (job) => Object.values(await job.getChildrenValues()),
  sign: async () => 'node',
}

/** What a test may compare: plain values, no handles. */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain)
  if (value?.asJSON && value?.queueQualifiedName) return view(value)
  if (value?.job?.asJSON) return { job: view(value.job), children: plain(value.children ?? []) }
  return value
}

function view(job) {
  return {
    id: job.id, name: job.name, data: job.data, opts: job.opts, progress: job.progress,
    attemptsMade: job.attemptsMade, attemptsStarted: job.attemptsStarted, stalledCounter: job.stalledCounter,
    returnvalue: job.returnvalue, failedReason: job.failedReason, stacktrace: job.stacktrace,
    timestamp: job.timestamp, processedOn: job.processedOn, finishedOn: job.finishedOn,
    delay: job.delay, priority: job.priority, processedBy: job.processedBy, repeatJobKey: job.repeatJobKey,
  }
}

const operations = {
  async connect(host, port, prefixed) { connection = { host, port, maxRetriesPerRequest: null }; prefix = prefixed },

  /** queue.add(…), queue.getJobCounts(…): any method of a Queue. */
  async queue(name, method, ...args) { return plain(await queue(name)[method](...args)) },

  /** job.promote(), job.getState(): any method of a Job. */
  async job(name, id, method, ...args) { return (await queue(name).getJob(id))[method](...args) },

  async waitUntilFinished(name, id, ms) {
    await events(name).waitUntilReady()
    return (await queue(name).getJob(id)).waitUntilFinished(events(name), ms)
  },

  async flow(tree) {
    return plain(await shared('flow', '', () => new FlowProducer({ connection, prefix })).add(tree))
  },

  /** Collects these events of a queue, until `seen` asks for them. */
  async listen(name, names) {
    const seen = collected[name] = []
    for (const event of names) events(name).on(event, (payload) => seen.push([event, payload]))
    await events(name).waitUntilReady()
  },
  async seen(name) { return collected[name] },

  async work(name, options) {
    const worker = shared('worker', name, () => new Worker(name, (job) => processors[job.name](job), { connection, prefix, ...options }))
    worker.on('error', () => {})
    await worker.waitUntilReady()
  },

  /** A Bull Board over these queues; the port that its API listens on. */
  async board(...names) {
    const serverAdapter = new ExpressAdapter()
    createBullBoard({ queues: names.map((name) => new BullMQAdapter(queue(name))), serverAdapter })
    const server = express().use(serverAdapter.getRouter()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    open.set('board', { close: () => { server.close(); server.closeAllConnections() } })
    return server.address().port
  },

  /** The next times of a cron pattern, as BullMQ computes them. */
  async cron(pattern, tz, from, count) {
    const times = CronExpressionParser.parse(pattern, { tz, currentDate: new Date(from) })
    return Array.from({ length: count }, () => times.next().getTime())
  },

  async close() {
    const all = [...open.values()]
    open.clear()
    collected = {}
    await Promise.all(all.map((one) => one.close()))
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, op, args } = JSON.parse(line)
  operations[op](...args).then(
    (value) => console.log(JSON.stringify({ id, value: value ?? null })),
    (error) => console.log(JSON.stringify({ id, error: error.message })),
  )
}
process.exit(0)
