/** As much of XMPP as the load needs: TLS from the start, SASL PLAIN, and stream management for acknowledgements both ways. */
import type { TLSSocket } from 'node:tls'
import type { Client, ClientOptions } from '../contender.ts'
import { Answers, dialTls, Outlet } from './tls.ts'

const domain = 'localhost'
const header =
  `<?xml version='1.0'?><stream:stream to='${domain}' xmlns='jabber:client' ` +
  `xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>`
const management = `xmlns='urn:xmpp:sm:3'`

export async function connectXmpp(port: number, options: ClientOptions): Promise<Client> {
  const socket = await dialTls(options.port ?? port)
  const connection = new Connection(socket, options)
  await connection.open()
  return connection
}

class Connection implements Client {
  readonly #options: ClientOptions
  readonly #outlet: Outlet
  readonly #stanzas: Stanzas
  readonly #answers = new Answers<string>()
  /** Tags of what was sent and is not acknowledged; the first one's number among all that were sent. */
  #unacknowledged: (number | undefined)[] = []
  #acknowledged = 0
  #handled = 0
  #isOpen = false

  constructor(socket: TLSSocket, options: ClientOptions) {
    this.#options = options
    this.#outlet = new Outlet(socket)
    this.#stanzas = new Stanzas((stanza) => this.#take(stanza))
    socket.setEncoding('latin1')
    socket.on('data', (text: unknown) => this.#stanzas.read(String(text)))
    socket.on('close', () => this.#answers.push('<closed/>'))
  }

  async open(): Promise<void> {
    const { user, receives } = this.#options
    this.#say(header)
    await this.#answers.next()
    const secret = Buffer.from(`\0u${user}\0p${user}`).toString('base64')
    await this.#ask(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${secret}</auth>`, '<success')
    this.#stanzas.restart()
    await this.#ask(header, '<stream:features')
    const bind = `<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind>`
    await this.#ask(`<iq type='set' id='b'>${bind}</iq>`, '<iq')
    await this.#ask(`<enable ${management}/>`, '<enabled')
    this.#isOpen = true
    if (!receives) return
    this.#unacknowledged.push(undefined)
    this.#say('<presence/>') // From here on it is given what waited.
  }

  send(to: number, tag: number, body: Uint8Array): void {
    this.#unacknowledged.push(tag)
    const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1')
    this.#say(`<message to='u${to}@${domain}' type='chat' id='${tag}'><body>${text}</body></message><r ${management}/>`)
  }

  close(): Promise<void> {
    return this.#outlet.end(Buffer.from('</stream:stream>'))
  }

  #say(text: string): void {
    this.#outlet.write(Buffer.from(text, 'latin1'))
  }

  async #ask(text: string, expected: string): Promise<void> {
    this.#say(text)
    const answer = await this.#answers.next()
    if (!answer.startsWith(expected)) throw new Error(`ejabberd answered ${answer} instead of ${expected}`)
  }

  #take(stanza: string): void {
    if (!this.#isOpen) this.#answers.push(stanza)
    else if (stanza.startsWith('<r ')) this.#say(`<a ${management} h='${this.#handled}'/>`)
    else if (stanza.startsWith('<a ')) this.#onAcknowledged(Number(/h=['"](\d+)/.exec(stanza)?.[1] ?? 0))
    else {
      this.#handled += 1
      const body = stanza.indexOf('<body>')
      if (stanza.startsWith('<message') && body >= 0)
        this.#options.received?.(Number(stanza.slice(body + 6, body + 14)))
    }
  }

  #onAcknowledged(handled: number): void {
    for (const tag of this.#unacknowledged.splice(0, handled - this.#acknowledged)) {
      if (tag !== undefined) this.#options.acknowledged?.(tag)
    }
    this.#acknowledged = handled
  }
}

/** Cuts a stream of XML into the elements directly below its root. No attribute here holds an angle bracket. */
class Stanzas {
  readonly #whole: (stanza: string) => void
  #text = ''
  #depth = 0
  /** Where the element being read began, and where reading goes on. */
  #start = 0
  #at = 0

  constructor(whole: (stanza: string) => void) {
    this.#whole = whole
  }

  /** A new stream begins on the same connection. */
  restart(): void {
    this.#text = ''
    this.#depth = 0
    this.#start = 0
    this.#at = 0
  }

  read(text: string): void {
    this.#text += text
    for (;;) {
      const opening = this.#text.indexOf('<', this.#at)
      const closing = opening < 0 ? -1 : this.#text.indexOf('>', opening)
      if (closing < 0) break
      if (this.#depth === 0) this.#start = opening
      this.#at = closing + 1
      this.#tag(this.#text.slice(opening, closing + 1))
    }
    const kept = this.#depth === 0 ? this.#at : this.#start
    this.#text = this.#text.slice(kept)
    this.#at -= kept
    this.#start = 0
  }

  #tag(tag: string): void {
    if (tag.startsWith('<?') || tag.startsWith('<stream:stream') || tag === '</stream:stream>') return
    if (tag.startsWith('</')) this.#depth -= 1
    else if (!tag.endsWith('/>')) this.#depth += 1
    if (this.#depth === 0) this.#whole(this.#text.slice(this.#start, this.#at))
  }
}
