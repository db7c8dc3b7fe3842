/** Whatever is on the network may claim to be the router: what it says is bounded, and it speaks only for itself. */
import { createSocket } from 'node:dgram'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { externalAddress, findGateway, forward } from '../../../node/io/gateway.ts'
import { atEnd } from './support.ts'

const here = '127.0.0.1'

/** Answers whoever asks for a router on this machine with the place that `locate` makes of the server's port. */
async function claimant(
  answer: RequestListener,
  locate = (port: number) => `http://${here}:${port}/d.xml`,
): Promise<void> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, here, resolve))
  const { port } = server.address() as AddressInfo
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  socket.on('message', (_question, from) => {
    socket.send(`HTTP/1.1 200 OK\r\nLOCATION: ${locate(port)}\r\n\r\n`, from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(1900, () => resolve()))
  socket.addMembership('239.255.255.250', here)
  atEnd(() => {
    socket.close()
    server.closeAllConnections()
    server.close()
  })
}

function description(control: string): string {
  const service = 'urn:schemas-upnp-org:service:WANIPConnection:1'
  return `<root><service><serviceType>${service}</serviceType><controlURL>${control}</controlURL></service></root>`
}

test('one that says where it takes requests is asked there, and its refusal is told in few words', async () => {
  await claimant((request, response) => {
    if (request.url === '/d.xml') return response.end(description('/c'))
    response.statusCode = 500
    const long = `not\u001b[2J for you${'!'.repeat(500)}`
    return response.end(`<x><errorCode>606</errorCode><errorDescription>${long}</errorDescription></x>`)
  })
  const gateway = await findGateway(here)
  expect(gateway?.control.pathname).toBe('/c')
  const refused = forward(gateway!, { externalPort: 1, internalPort: 1, leaseSeconds: 1 })
  await expect(refused).rejects.toMatchObject({
    code: 606,
    message: expect.stringMatching(/^not\[2J for you!{1,70}$/u),
  })
})

test('one that speaks for another host is not heard', { timeout: 10_000 }, async () => {
  await claimant(
    (_request, response) => response.end(description('/c')),
    (port) => `http://localhost:${port}/d.xml`,
  )
  expect(await findGateway(here)).toBeUndefined()
})

test('one that sends its callers elsewhere is not followed', async () => {
  await claimant((_request, response) => response.end(description('http://192.0.2.1/c')))
  await expect(findGateway(here)).rejects.toThrow('the router forwards no ports')
})

test.each([
  ['blanks', `<service><serviceType>${' '.repeat(100_000)}<x`],
  ['beginnings', '<service>'.repeat(14_000)],
  ['names', `<service>${'<a'.repeat(60_000)}`],
])('one that sends a page of %s is read in no time', async (_what, page) => {
  await claimant((_request, response) => response.end(page))
  const beganMs = performance.now()
  await expect(findGateway(here)).rejects.toThrow('the router forwards no ports')
  expect(performance.now() - beganMs).toBeLessThan(1_000)
})

test('one that never stops talking is not listened to for long', async () => {
  await claimant((_request, response) => {
    const talk = (): void => {
      while (response.write('x'.repeat(65_536)));
      response.once('drain', talk)
    }
    talk()
  })
  await expect(findGateway(here)).rejects.toThrow('the router says too much')
})

test('one that says nothing any more is given up', { timeout: 10_000 }, async () => {
  await claimant((request, response) => {
    if (request.url === '/d.xml') response.end(description('/c'))
  })
  const gateway = await findGateway(here)
  await expect(externalAddress(gateway!)).rejects.toThrow('no answer')
})
