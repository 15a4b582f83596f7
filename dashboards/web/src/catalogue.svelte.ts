import { get, type Model, type Page, type Quantity } from './api.ts'

let quantities = $state.raw<ReadonlyMap<string, Quantity>>(new Map())
let models = $state.raw<ReadonlyMap<string, Model>>(new Map())

/** What the platform knows by heart: quantities and device models. Empty until loaded; pages then fall back to names. */
export const catalogue = {
  quantity: (name: string): Quantity | undefined => quantities.get(name),
  model: (id: string): Model | undefined => models.get(id),
  get models(): readonly Model[] {
    return [...models.values()]
  },
  get quantities(): readonly Quantity[] {
    return [...quantities.values()]
  },
  async load(): Promise<void> {
    if (quantities.size > 0) return
    const [allModels, allQuantities] = await Promise.all([
      get<Page<Model>>('/models'),
      get<Page<Quantity>>('/quantities'),
    ])
    models = new Map(allModels.items.map((each) => [each.id, each]))
    quantities = new Map(allQuantities.items.map((each) => [each.name, each]))
  },
}
