import { expect, test } from 'vitest'
import { Surroundings } from '../../../node/io/surroundings.ts'

function watched(): { look: (passMs: number, addresses?: string) => string[]; end: () => void } {
  const noticed: string[] = []
  let [nowMs, addresses] = [1_000_000, 'eth0 192.0.2.1']
  const surroundings = new Surroundings({
    onChange: (what) => noticed.push(what),
    intervalMs: 1_000,
    addresses: () => addresses,
    nowMs: () => nowMs,
  })
  surroundings.start()
  return {
    look: (passMs, now = addresses) => {
      nowMs += passMs
      addresses = now
      surroundings.look()
      return noticed.splice(0)
    },
    end: () => surroundings.stop(),
  }
}

test('a quiet machine is not disturbed, nor is a busy one that looks a little late', () => {
  const { look, end } = watched()
  expect([look(1_000), look(1_000), look(4_000)]).toEqual([[], [], []])
  end()
})

test('another address, none, and the old one again are each noticed once', () => {
  const { look, end } = watched()
  expect(look(1_000, 'wlan0 198.51.100.9')).toEqual(['moved'])
  expect(look(1_000)).toEqual([])
  expect(look(1_000, '')).toEqual(['moved'])
  expect(look(1_000, 'eth0 192.0.2.1')).toEqual(['moved'])
  end()
})

test('a sleep is noticed when it is over, also when the address is the same', () => {
  const { look, end } = watched()
  expect(look(300_000)).toEqual(['woke'])
  expect(look(1_000)).toEqual([])
  end()
})

test('a clock that is set back is noticed, too', () => {
  const { look, end } = watched()
  expect(look(-86_400_000)).toEqual(['woke'])
  expect(look(1_000)).toEqual([])
  end()
})
