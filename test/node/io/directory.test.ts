import { expect, test } from 'vitest'
import { accountIdOf, peerIdOf } from '../../../protocol/ids.ts'
import { systemRandom } from '../../../protocol/crypto/primitives.ts'
import { directoryFrame, directoryProtocol, type DirectoryFrame } from '../../../protocol/wire/directory.ts'
import { Frames } from '../../../protocol/shell/frames.ts'
import { askDirectory } from '../../../node/io/directory-client.ts'
import { Anonymous } from '../../../node/io/anonymous.ts'
import { atEnd, deadPort, rawStream, silentPort, someDevice, startDevice, type TestDevice } from './support.ts'

const question: DirectoryFrame = { kind: 'find-card', account: accountIdOf(systemRandom.bytes(32)) }
const answer: DirectoryFrame = { kind: 'refused', reason: 'not-found', retryMs: 0 }

function full({ address, id }: TestDevice): string {
  return `${address}/p2p/${peerIdOf(id)}`
}

test('a device answers for itself, and need not know whom', async () => {
  const [alice, bob] = [await startDevice(), await startDevice()]
  alice.network.perform({ kind: 'ask-directory', ask: 7, at: full(bob), frame: question })
  const asked = await bob.heard.next('directory-asked')
  expect(asked.frame).toEqual(question)
  bob.network.perform({ kind: 'answer-asker', asker: asked.asker, frame: answer })
  bob.network.perform({ kind: 'answer-asker', asker: asked.asker, frame: answer })
  expect(await alice.heard.next('directory-answered')).toEqual({
    kind: 'directory-answered',
    ask: 7,
    answer: { kind: 'answered', frame: answer },
  })
  expect(bob.heard.of('link-risen')).toEqual([])
})

test('every question has one answer, also when nobody gives one', async () => {
  const anonymous = new Anonymous({ reach: { dialMsMax: 200 } })
  atEnd(() => anonymous.stop())
  const peer = `/p2p/${peerIdOf(someDevice())}`
  const unreachable = (reason: string): unknown => ({ kind: 'unreachable', reason })
  expect(await askDirectory(anonymous, (await deadPort()) + peer, question)).toEqual(unreachable('connection refused'))
  expect(await askDirectory(anonymous, (await silentPort()) + peer, question)).toEqual(unreachable('no answer'))
  expect(await askDirectory(anonymous, '/ip4/127.0.0.1/tcp/1', question)).toEqual(
    unreachable('not an address that can be dialled'),
  )
  const bob = await startDevice() // Its core, which is not there, never answers.
  expect(await askDirectory(anonymous, full(bob), question, { answerMsMax: 300 })).toEqual(unreachable('no answer'))
})

test('an anonymous host that could not be made is made again for whoever asks next', async () => {
  const bob = await startDevice()
  let made = 0
  const anonymous = new Anonymous({
    get reach() {
      made++
      if (made === 1) throw new Error('too many open files')
      return { dialMsMax: 200 }
    },
  })
  expect(await askDirectory(anonymous, full(bob), question)).toMatchObject({ kind: 'unreachable' })
  const asked = askDirectory(anonymous, full(bob), question)
  const { asker } = await bob.heard.next('directory-asked')
  bob.network.perform({ kind: 'answer-asker', asker, frame: answer })
  expect(await asked).toEqual({ kind: 'answered', frame: answer })
  await anonymous.stop()
})

test('an anonymous host that could not be made is nothing to wait for when all ends', async () => {
  let nowMs = 0
  const anonymous = new Anonymous({
    nowMs: () => nowMs,
    get reach(): never {
      throw new Error('too many open files')
    },
  })
  const opened = anonymous.open(someDevice(), [], directoryProtocol)
  nowMs += 7_200_000
  anonymous.era()
  await expect(opened).rejects.toThrow('too many open files')
  const last = anonymous.open(someDevice(), [], directoryProtocol)
  await anonymous.stop()
  await expect(last).rejects.toThrow('too many open files')
})

test('we publish as ourselves', async () => {
  const [alice, bob] = [await startDevice(), await startDevice()]
  const bytes = (length: number): Uint8Array => systemRandom.bytes(length)
  const bundle = {
    registrationId: 1,
    deviceId: 1,
    identityKey: bytes(33),
    signedPreKeyId: 1,
    signedPreKey: bytes(33),
    signedPreKeySignature: bytes(64),
    kyberPreKeyId: 1,
    kyberPreKey: bytes(1569),
    kyberPreKeySignature: bytes(64),
  }
  const card = { card: bytes(100), signature: bytes(64) }
  const relay = full(bob)
  alice.network.perform({ kind: 'publish', relay, frame: { kind: 'publish', version: 3, card, bundle, preKeys: [] } })
  const { asker, frame } = await bob.heard.next('directory-asked')
  expect(frame).toMatchObject({ kind: 'publish', version: 3 })
  bob.network.perform({ kind: 'answer-asker', asker, frame: { kind: 'published', left: 12 } })
  expect(await alice.heard.next('publish-answered')).toEqual({
    kind: 'publish-answered',
    relay,
    answer: { kind: 'answered', frame: { kind: 'published', left: 12 } },
  })
})

test('an asker who asks again before the answer is let go; one who asks too often is told so', async () => {
  const bob = await startDevice()
  const impatient = await rawStream(bob, directoryProtocol)
  const ended = new Promise((resolve) => {
    const frames = new Frames(impatient, { codec: directoryFrame, onFrame: () => undefined, onEnd: resolve })
    frames.send(question)
    frames.send(question)
  })
  await ended

  const often = await rawStream(bob, directoryProtocol)
  const refusal = await new Promise<DirectoryFrame>((resolve) => {
    let asked = 1 // The impatient one's.
    const frames: Frames<DirectoryFrame> = new Frames<DirectoryFrame>(often, {
      codec: directoryFrame,
      onFrame: (frame) => {
        if (frame.kind === 'refused' && frame.reason === 'rate-limited') resolve(frame)
        else ask()
      },
      onEnd: () => undefined,
    })
    const ask = (): void => {
      frames.send(question)
      void bob.heard.count('directory-asked', ++asked).then((all) => {
        const { asker } = all[asked - 1]!
        bob.network.perform({ kind: 'answer-asker', asker, frame: answer })
      })
    }
    ask()
  })
  expect(refusal).toMatchObject({ reason: 'rate-limited' })
  expect(bob.heard.of('directory-asked').length).toBeLessThanOrEqual(22)
})
