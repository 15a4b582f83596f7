import type { Page } from 'playwright-core'

type Value = { value?: unknown }
type Node = {
  nodeId: string
  childIds?: string[]
  ignored: boolean
  role?: Value
  name?: Value
  properties?: { name: string; value: Value }[]
}

const states = ['pressed', 'invalid', 'required', 'expanded']

/**
 * What Chromium hands to a screen reader of a page, in its order: the role of each part that is told, its name, and states
 * that hold, such as `button "Banc du parc" pressed`. It is the tree that assistive technology reads, not what one makes of it.
 */
export async function readAloud(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page)
  const { nodes } = (await session.send('Accessibility.getFullAXTree')) as unknown as { nodes: Node[] }
  await session.detach()
  const byId = new Map(nodes.map((node) => [node.nodeId, node]))
  const read = (node: Node): string[] => [
    ...(node.ignored ? [] : [tell(node)]),
    ...(node.childIds ?? []).flatMap((id) => read(byId.get(id)!)),
  ]
  return read(nodes[0]!)
}

function tell({ role, name, properties = [] }: Node): string {
  const holding = states.filter((state) =>
    properties.some((each) => each.name === state && String(each.value.value) === 'true'),
  )
  return [role?.value, `"${String(name?.value ?? '').replace(/\s+/g, ' ')}"`, ...holding].join(' ')
}
