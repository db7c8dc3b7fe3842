/** Whose topics a relay listens to, and for how long. */
import { expect, test } from 'vitest'
import { GossipTopics } from '../../relay/io/gossip-topics.ts'

function openTopics(gossipTopicsMax: number, gossipTopicsPerPeerMax: number): { topics: GossipTopics; told: string[] } {
  const told: string[] = []
  let begun = 0
  const topics = new GossipTopics({
    limits: { gossipTopicsMax, gossipTopicsPerPeerMax },
    mayBegin: (visitor) => visitor !== 'mallory' || ++begun <= 3,
    listen: (topic) => told.push(`+${topic}`),
    leave: (topic) => told.push(`-${topic}`),
  })
  return { topics, told }
}

test('a topic is listened to while somebody is there who does, and told once', () => {
  const { topics, told } = openTopics(10, 10)
  for (const visitor of ['alice', 'bob', 'alice']) expect(topics.wanted(visitor, 'a')).toBeUndefined()
  topics.unwanted('alice', 'a')
  topics.unwanted('alice', 'a')
  topics.unwanted('carol', 'a')
  expect(told).toEqual(['+a'])
  topics.gone('bob')
  topics.gone('bob')
  expect(told).toEqual(['+a', '-a'])
})

test('each has a share, what is full is said, and what is given back can be had', () => {
  const { topics, told } = openTopics(3, 2)
  for (const topic of ['a', 'b']) expect(topics.wanted('alice', topic)).toBeUndefined()
  expect(topics.wanted('alice', 'c')).toBe('gossipTopicsPerPeerMax')
  expect(topics.wanted('bob', 'c')).toBeUndefined()
  expect(topics.wanted('bob', 'd')).toBe('gossipTopicsMax')
  expect(topics.wanted('bob', 'a')).toBeUndefined() // Listened to as it is.
  topics.gone('alice')
  expect(topics.wanted('carol', 'd')).toBeUndefined()
  expect(told).toEqual(['+a', '+b', '+c', '-b', '+d'])
})

test('whoever comes and goes on one topic does not have it told to everybody each time', () => {
  const { topics, told } = openTopics(10, 10)
  for (let i = 0; i < 100; i++) {
    topics.wanted('mallory', 'a')
    topics.unwanted('mallory', 'a')
  }
  expect(told).toHaveLength(6)
  expect(topics.wanted('alice', 'a')).toBeUndefined()
  expect(topics.wanted('mallory', 'a')).toBeUndefined() // It costs nothing more.
})
