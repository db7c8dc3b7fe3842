/**
 * A router that forwards ports on request, spoken to by UPnP (Internet Gateway Device, version 1 and 2): it is found by one
 * multicast question, says in an XML file where it is to be asked, and is asked by SOAP. Whatever is on the network can
 * answer, so an answer counts only from the host that it names, and all that is read has a bound.
 */
import { createSocket } from 'node:dgram'
import { pipe } from 'it-pipe'
import { atMost, wholeText } from './gather.ts'
import { Unreachable, withDeadline } from './deadline.ts'

export interface Gateway {
  /** Where it takes requests. */
  readonly control: URL
  readonly service: string
  /** This machine's address on the side of the gateway. */
  readonly localAddress: string
}

export interface Forwarding {
  readonly externalPort: number
  readonly internalPort: number
  /** 0: until the router is restarted. */
  readonly leaseSeconds: number
}

/** What the gateway says when it will not. The code is UPnP's; the message is the gateway's own word, shortened. */
export class GatewayRefusal extends Error {
  override readonly name = 'GatewayRefusal'
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

const search = { host: '239.255.255.250', port: 1900 }
const deviceType = 'urn:schemas-upnp-org:device:InternetGatewayDevice:1'
const searchMsMax = 3_000
const searchAgainMs = 800
const askMsMax = 3_000
/** Descriptions of home routers take a few KiB. */
const answerBytesMax = 131_072
const wordsMax = 80

const tooLong = (): Error => new Unreachable('the router says too much')

/** The gateway on the network of one of our addresses; undefined when none answers in time. */
export async function findGateway(localAddress: string): Promise<Gateway | undefined> {
  const location = await searchFrom(localAddress)
  return location === undefined ? undefined : { ...(await describe(location)), localAddress }
}

/** The address others see; may be a private one, when another router stands before this one. */
export async function externalAddress(gateway: Gateway): Promise<string> {
  const answer = await act(gateway, 'GetExternalIPAddress', {})
  return textOf(answer, 'NewExternalIPAddress') ?? ''
}

/** Rejects with GatewayRefusal when the gateway will not, with Unreachable when it does not answer. */
export async function forward(
  gateway: Gateway,
  { externalPort, internalPort, leaseSeconds }: Forwarding,
): Promise<void> {
  await act(gateway, 'AddPortMapping', {
    NewRemoteHost: '',
    NewExternalPort: String(externalPort),
    NewProtocol: 'TCP',
    NewInternalPort: String(internalPort),
    NewInternalClient: gateway.localAddress,
    NewEnabled: '1',
    NewPortMappingDescription: 'linnet',
    NewLeaseDuration: String(leaseSeconds),
  })
}

export async function unforward(gateway: Gateway, externalPort: number): Promise<void> {
  const port = { NewRemoteHost: '', NewExternalPort: String(externalPort), NewProtocol: 'TCP' }
  await act(gateway, 'DeletePortMapping', port)
}

function searchFrom(localAddress: string): Promise<URL | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    let ended = false
    const end = (location?: URL): void => {
      if (ended) return
      ended = true
      clearTimeout(timer)
      clearTimeout(again)
      socket.close()
      resolve(location)
    }
    let again: NodeJS.Timeout | undefined
    const timer = setTimeout(() => end(), searchMsMax)
    socket.on('error', () => end()) // No such address any more, or no way to multicast from it.
    socket.on('message', (answer, from) => {
      const location = locationIn(answer.toString('latin1'))
      if (location?.hostname === from.address) end(location)
    })
    socket.bind({ address: localAddress }, () => {
      const question = [
        'M-SEARCH * HTTP/1.1',
        `HOST: ${search.host}:${search.port}`,
        'MAN: "ssdp:discover"',
        'MX: 1',
        `ST: ${deviceType}`,
        '',
        '',
      ].join('\r\n')
      socket.setMulticastInterface(localAddress)
      // Twice, since nobody repeats a datagram that was lost.
      socket.send(question, search.port, search.host)
      again = setTimeout(() => socket.send(question, search.port, search.host), searchAgainMs)
    })
    socket.unref()
  })
}

function locationIn(answer: string): URL | undefined {
  const [, location] = /^location:\s*(http:\/\/\S+)\s*$/im.exec(answer) ?? []
  return location === undefined || !URL.canParse(location) ? undefined : new URL(location)
}

async function describe(location: URL): Promise<Pick<Gateway, 'control' | 'service'>> {
  const description = await fetched(location, {})
  for (const inside of description.split('<service>').slice(1)) {
    const [service, path] = [textOf(inside, 'serviceType'), textOf(inside, 'controlURL')]
    if (service === undefined || path === undefined) continue
    if (!/^urn:schemas-upnp-org:service:WAN(IP|PPP)Connection:[12]$/.test(service)) continue
    if (!URL.canParse(path, location.href)) continue
    const control = new URL(path, location)
    if (control.hostname === location.hostname && control.protocol === 'http:') return { control, service }
  }
  throw new Unreachable('the router forwards no ports')
}

async function act(
  { control, service }: Gateway,
  action: string,
  words: Readonly<Record<string, string>>,
): Promise<string> {
  const inside = Object.entries(words).map(([name, value]) => `<${name}>${value}</${name}>`)
  const body = `<?xml version="1.0"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">
<s:Body><u:${action} xmlns:u="${service}">${inside.join('')}</u:${action}></s:Body></s:Envelope>`
  const headers = { 'Content-Type': 'text/xml; charset="utf-8"', SOAPAction: `"${service}#${action}"` }
  return fetched(control, { method: 'POST', headers, body })
}

function fetched(url: URL, request: RequestInit): Promise<string> {
  return withDeadline(askMsMax, async (signal) => {
    const response = await fetch(url, { ...request, signal, redirect: 'error' })
    const text = await pipe(response.body ?? [], atMost(answerBytesMax, tooLong), wholeText)
    if (response.ok) return text
    const code = Number(textOf(text, 'errorCode') ?? response.status)
    const said = textOf(text, 'errorDescription')?.replace(/[^\x20-\x7e]/g, '') ?? response.statusText
    throw new GatewayRefusal(code, said.slice(0, wordsMax))
  })
}

/**
 * The text of the first element of that name, with or without a namespace. The pattern leaves no choice of where its parts
 * end: one that tries them all takes minutes for a page of blanks.
 */
function textOf(xml: string, name: string): string | undefined {
  return new RegExp(`<(?:\\w+:)?${name}>([^<]*)</`).exec(xml)?.[1]?.trim()
}
