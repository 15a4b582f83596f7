import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mayPublish, mayReceive, maySubscribe, type Principal } from '../../broker/access.ts'
import { coversFilter, matchesTopic } from '../../broker/topic.ts'
import { createTopicTree } from '../../broker/topic-tree.ts'

/* Who may do what. What a row does not allow is forbidden: every combination is asked. */

const principals: Record<string, Principal> = {
  device: { kind: 'device', name: 'probe', topics: [] },
  integration: { kind: 'integration', name: 'network', topics: ['application/+/event', 'gateway/#'] },
}

const names = [
  'probe',
  'other',
  'Probe',
  'PROBE',
  'рrobe',
  'probe ',
  'probé',
  'probe\u0301',
  'ｐrobe',
  '',
  '+',
  '#',
  '..',
  '__proto__',
]
const topics = [
  ...names.flatMap((name) =>
    ['up', 'status', 'down', 'UP', 'up/', 'up/x', 'status/x', ''].map((leaf) => `devices/${name}/${leaf}`),
  ),
  ...[
    'devices',
    'devices/probe',
    '/devices/probe/up',
    'Devices/probe/up',
    '{name}',
    'devices/{name}/up',
    'probe',
    'up',
  ],
  ...['$SYS/parvis/new/clients', '$SYS', '$share/g/devices/probe/down', '$devices/probe/up'],
  ...['application/1/event', 'application//event', 'application/1/2/event', 'application/event', 'Application/1/event'],
  ...['gateway', 'gateway/', 'gateway/a/b', 'gateways', 'Gateway/a', '$gateway/a', 'application/$SYS/event', 'network'],
]
const filters = [
  ...topics,
  ...[
    '#',
    '+',
    '+/#',
    '+/+/+',
    '+/probe/up',
    'devices/#',
    'devices/+',
    'devices/+/up',
    'devices/+/#',
    'devices/probe/+',
  ],
  ...['devices/probe/#', 'devices/probe/up/#', 'devices/probe/+/x', '$SYS/#', '$SYS/+/new/clients', '$share/g/#'],
  ...['$share/g/devices/probe/#', 'application/#', 'application/+/event', 'application/+/+', 'application/1/#'],
  ...['gateway/#', 'gateway/+', 'gateway/+/#', '+/a', 'gateway/#/x', '{topics}', '{name}/#'],
]

const allowed: Record<string, { publish: string[]; retain: string[]; subscribe: (filter: string) => boolean }> = {
  device: {
    publish: ['devices/probe/up', 'devices/probe/status'],
    retain: ['devices/probe/status'],
    subscribe: (filter) => filter === 'devices/probe' || filter.startsWith('devices/probe/'),
  },
  integration: {
    publish: [
      ...['application/1/event', 'application//event', 'application/$SYS/event'],
      ...['gateway', 'gateway/', 'gateway/a/b'],
    ],
    retain: [],
    subscribe: (filter) => /^application\/(\+|[^/#]*)\/event$/.test(filter) || /^gateway(\/|$)/.test(filter),
  },
}

describe.each(Object.keys(principals))('%s', (kind) => {
  const principal = principals[kind]!
  const row = allowed[kind]!

  test('publishes, by will too, to its own topics alone', () => {
    expect(topics.filter((topic) => mayPublish(principal, topic)).sort()).toEqual([...row.publish].sort())
  })

  test('retains on its own topics alone', () => {
    expect(topics.filter((topic) => mayPublish(principal, topic, 'retain'))).toEqual(row.retain)
  })

  test('subscribes to filters that take nothing of others', () => {
    expect(filters.filter((filter) => maySubscribe(principal, filter))).toEqual(filters.filter(row.subscribe))
  })

  test('receives nothing that it could not have subscribed to', () => {
    for (const topic of topics.filter((each) => !/[+#]/.test(each)))
      expect([topic, mayReceive(principal, topic)]).toEqual([topic, maySubscribe(principal, topic)])
  })
})

const level = fc.constantFrom('a', 'b', '', '$SYS', 'é', '__proto__', 'constructor')
const topic = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/'))
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, isOpen]) => [...levels, ...(isOpen ? ['#'] : [])].join('/'))

describe('filters and topics', () => {
  test('a filter takes a topic as MQTT 3.1.1, 4.7 says', () => {
    fc.assert(
      fc.property(filter, topic, (f, t) => {
        const pattern = f
          .split('/')
          .map((each) => (each === '+' ? '[^/]*' : each === '#' ? '.*' : each.replaceAll('$', '\\$')))
          .join('/')
          .replace(/\/\.\*$/, '(/.*)?')
        const isHidden = t.startsWith('$') && /^[+#]/.test(f)
        expect(matchesTopic(f, t)).toBe(!isHidden && new RegExp(`^${pattern}$`).test(t))
      }),
    )
  })

  test('what a covered filter takes, the wider one takes', () => {
    fc.assert(
      fc.property(filter, filter, topic, (wide, narrow, t) => {
        if (coversFilter(wide, narrow) && matchesTopic(narrow, t))
          expect([wide, narrow, t, matchesTopic(wide, t)]).toContain(true)
      }),
      { numRuns: 2000 },
    )
    expect(coversFilter('a/#', 'a/+/b')).toBe(true)
    expect(coversFilter('a/+', 'a/#')).toBe(false)
    expect(coversFilter('#', '$SYS/#')).toBe(false)
  })

  test('the tree finds what matching one by one finds, and forgets what is removed', () => {
    fc.assert(
      fc.property(fc.uniqueArray(topic), fc.uniqueArray(filter), fc.nat(), (paths, wanted, skipped) => {
        const byName = createTopicTree<string>()
        for (const each of paths) byName.set(each, each)
        const byFilter = createTopicTree<string>()
        for (const each of wanted) byFilter.set(each, each)
        const gone = paths[skipped % Math.max(paths.length, 1)]
        if (gone !== undefined) byName.remove(gone)
        const left = paths.filter((each) => each !== gone)
        expect(byName.size).toBe(left.length)
        for (const each of wanted)
          expect([...byName.takenBy(each)].sort()).toEqual(left.filter((t) => matchesTopic(each, t)).sort())
        for (const each of paths)
          expect([...byFilter.taking(each)].sort()).toEqual(wanted.filter((f) => matchesTopic(f, each)).sort())
      }),
    )
  })
})
