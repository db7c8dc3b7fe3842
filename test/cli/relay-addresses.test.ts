import { expect, test } from 'vitest'
import { dialableFirst } from '../../cli/commands/relay-addresses.ts'

const everywhere = [
  '/ip4/127.0.0.1/tcp/9/p2p/R',
  '/ip6/fe80::1/tcp/9/p2p/R',
  '/ip6/2001:db8::7/tcp/9/p2p/R',
  '/ip4/192.0.2.7/tcp/9/p2p/R',
]

test('of every interface, what others can dial comes first', () => {
  const [first, second] = dialableFirst(everywhere, ['/ip4/0.0.0.0/tcp/9'])
  expect([first, second]).toEqual(['/ip4/192.0.2.7/tcp/9/p2p/R', '/ip6/2001:db8::7/tcp/9/p2p/R'])
})

test('what was asked for comes first, in that order', () => {
  const [first, second] = dialableFirst(everywhere, ['/ip4/127.0.0.1/tcp/0', '/ip6/2001:db8::7/tcp/9'])
  expect([first, second]).toEqual(['/ip4/127.0.0.1/tcp/9/p2p/R', '/ip6/2001:db8::7/tcp/9/p2p/R'])
})

test('a name that is announced comes before numbers', () => {
  const named = '/dns4/relay.example.org/tcp/4001/p2p/R'
  expect(dialableFirst([...everywhere, named], [])[0]).toBe(named)
})

test('this machine alone is better than nothing', () => {
  expect(dialableFirst(['/ip4/127.0.0.1/tcp/9/p2p/R'], ['/ip4/0.0.0.0/tcp/9'])).toEqual(['/ip4/127.0.0.1/tcp/9/p2p/R'])
})
