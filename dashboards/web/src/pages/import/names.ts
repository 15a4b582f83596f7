import type { AssetKind } from '../../../../../domain/asset-kind.ts'
import { texts as fieldTexts } from '../../components/fields/texts.ts'
import { i18n } from '../../i18n.svelte.ts'
import { texts } from './texts.ts'

/** What people call one of the values that a field takes. */
export function nameOption(field: string, option: string): string {
  if (field === 'kind') return i18n.t.kinds[option as AssetKind] ?? option
  return i18n.of(texts).options[option] ?? option
}

/** What people call a field, an attribute by its own name. */
export function nameField(field: string): string {
  return i18n.of(fieldTexts)[field] ?? field.replace(/^attributes\./, '')
}
