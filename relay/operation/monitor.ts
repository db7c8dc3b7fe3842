/**
 * Health and metrics over HTTP, meant for this machine alone. `/live`: the process turns; `/ready`: it takes messages and
 * its store answers; `/metrics`: the numbers. Decides nothing about the relay, and costs it little whoever calls.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'

export interface MonitorInit {
  readonly host: string
  readonly port: number
  readonly ready: () => Promise<boolean>
  readonly metrics: () => Promise<string>
  readonly metricsType: string
}

export interface Monitor {
  /** Where it listens; the port is known even when any was asked for. */
  readonly address: string
  close(): Promise<void>
}

/** A scraper, a health check and somebody curious. */
const connectionsMax = 16
const requestMsMax = 5_000

export async function openMonitor(init: MonitorInit): Promise<Monitor> {
  const server = createServer({ requestTimeout: requestMsMax, headersTimeout: requestMsMax }, (request, response) => {
    answer(init, request).then(
      ({ status, type, body }) => end(response, status, type, body),
      () => end(response, 500, 'text/plain', 'failed\n'),
    )
  })
  server.maxConnections = connectionsMax
  server.listen(init.port, init.host)
  await once(server, 'listening')
  const at = server.address()
  const port = typeof at === 'object' && at !== null ? at.port : init.port
  return {
    address: `http://${init.host.includes(':') ? `[${init.host}]` : init.host}:${port}`,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

interface Answered {
  readonly status: number
  readonly type: string
  readonly body: string
}

async function answer(init: MonitorInit, request: IncomingMessage): Promise<Answered> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'only GET')
  switch (request.url?.split('?')[0]) {
    case '/live':
      return plain(200, 'live')
    case '/ready':
      return (await init.ready()) ? plain(200, 'ready') : plain(503, 'not ready')
    case '/metrics':
      return { status: 200, type: init.metricsType, body: await init.metrics() }
    default:
      return plain(404, 'there are /live, /ready and /metrics')
  }
}

function plain(status: number, words: string): Answered {
  return { status, type: 'text/plain', body: `${words}\n` }
}

function end(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type })
  response.end(body)
}
