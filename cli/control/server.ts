/**
 * Serves a profile's control socket: reads requests, runs them side by side, answers each, and passes events on to whoever
 * subscribed. Decides how much one client may ask at a time; what is answered is `methods.ts`. The caller owns the profile,
 * so a socket file found in the way is a dead one.
 */
import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { makePrivateDir } from '../places.ts'
import { LineSplitter } from './lines.ts'
import {
  errorLine,
  notificationLine,
  readRequest,
  resultLine,
  rpcCode,
  rpcErrorOf,
  RpcFault,
  type Params,
  type Request,
} from './rpc.ts'

/** Programs attached at once, beyond which a new one is turned away. */
const clientsMax = 64
/** Requests of one client under way; the rest wait in its socket. */
const requestsMax = 32
/** Requests under way get so long to be answered when the process ends. */
const finishMsMax = 2_000

/** What one client's requests may do: answer, and write to it later. */
export interface Client {
  /** Resolves when the client's socket has taken it. */
  write(line: string): Promise<void>
  readonly gone: AbortSignal
}

export type Answer = (method: string, params: Params, client: Client) => Promise<unknown>

export interface ControlServer {
  readonly path: string
  /** Lets requests under way finish, refuses new ones, and removes the socket. */
  close(): Promise<void>
}

export async function serveControl(path: string, answer: Answer): Promise<ControlServer> {
  makePrivateDir(dirname(path))
  rmSync(path, { force: true })
  const sessions = new Set<Session>()
  const server = createServer((socket) => {
    if (sessions.size >= clientsMax) {
      socket.end(errorLine(null, { code: rpcCode.closing, message: 'too many programs are attached' }))
      socket.on('error', () => undefined)
      return
    }
    const session = new Session(socket, answer)
    sessions.add(session)
    socket.on('close', () => sessions.delete(session))
  })
  await listen(server, path)
  chmodSync(path, 0o600)
  return {
    path,
    close: async () => {
      server.close() // Also removes the file, so that nobody new finds us.
      await Promise.all([...sessions].map((session) => session.finish()))
    },
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.removeListener('error', reject)
      server.on('error', () => undefined) // A failed accept concerns the one who knocked.
      resolve()
    })
  })
}

class Session implements Client {
  readonly #socket: Socket
  readonly #answer: Answer
  readonly #gone = new AbortController()
  readonly #lines = new LineSplitter()
  readonly #underway = new Set<Promise<void>>()
  #closing = false

  constructor(socket: Socket, answer: Answer) {
    this.#socket = socket
    this.#answer = answer
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('error', () => undefined) // `close` follows and says the same.
    socket.on('close', () => this.#gone.abort())
  }

  get gone(): AbortSignal {
    return this.#gone.signal
  }

  write(line: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.gone.aborted) reject(new Error('the client has gone'))
      else this.#socket.write(line, (error) => (error ? reject(error) : resolve()))
    })
  }

  async finish(): Promise<void> {
    this.#closing = true
    const late = new Promise<'late'>((resolve) => setTimeout(resolve, finishMsMax, 'late').unref())
    const finished = await Promise.race([Promise.allSettled(this.#underway), late])
    // A promise that everything begun was answered, so that what was not can safely be asked of somebody else.
    if (finished !== 'late') await this.#reply(notificationLine('closing', {}))
    this.#gone.abort()
    this.#socket.end()
    this.#socket.destroySoon()
  }

  #read(chunk: Buffer): void {
    let lines: readonly string[]
    try {
      lines = this.#lines.push(chunk)
    } catch (error) {
      this.#socket.end(errorLine(null, { code: rpcCode.invalidRequest, message: (error as Error).message }))
      return
    }
    for (const line of lines) if (line.trim() !== '') this.#take(line)
    if (this.#underway.size >= requestsMax) this.#socket.pause()
  }

  #take(line: string): void {
    const request = readRequest(line)
    const work = 'fault' in request ? this.#reply(errorLine(request.id, request.fault)) : this.#serve(request)
    this.#underway.add(work)
    void work.finally(() => {
      this.#underway.delete(work)
      if (this.#underway.size < requestsMax) this.#socket.resume()
    })
  }

  async #serve(request: Request): Promise<void> {
    const line = await this.#answerLine(request)
    if (request.id !== undefined) await this.#reply(line)
  }

  async #answerLine(request: Request): Promise<string> {
    const id = request.id ?? null
    try {
      if (this.#closing) throw new RpcFault(rpcCode.closing, 'this process is ending; ask again')
      return resultLine(id, await this.#answer(request.method, request.params, this))
    } catch (error) {
      return errorLine(id, rpcErrorOf(error))
    }
  }

  async #reply(line: string): Promise<void> {
    try {
      await this.write(line)
    } catch {
      return // Nobody is left to be told.
    }
  }
}
