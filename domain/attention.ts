import type { AssetKind } from './asset-kind.ts'
import type { Label, Quantity } from './quantity.ts'

/**
 * What makes an asset call for attention: the newest reading of a quantity, judged by itself. `kinds` are those that it
 * is expected of, all when left out; a rule that holds `byDay` holds for readings made while the sun was up.
 */
export type AttentionRule = {
  code: string
  quantity: Quantity
  kinds?: readonly AssetKind[]
  byDay?: true
  label: Label
  holds(value: number): boolean
}

/** Every rule. Adding one is adding a row. */
export const attentionRules: readonly AttentionRule[] = [
  {
    code: 'low_battery',
    quantity: 'battery_level',
    label: { fr: 'Batterie sous 20 %', en: 'Battery below 20 %' },
    holds: (value) => value < 20,
  },
  {
    code: 'lamp_fault',
    quantity: 'lamp_state',
    kinds: ['street_light'],
    label: { fr: 'Lampe en défaut', en: 'Lamp fault' },
    holds: (value) => value === 2,
  },
  {
    code: 'lamp_by_day',
    quantity: 'lamp_state',
    kinds: ['street_light'],
    byDay: true,
    label: { fr: 'Lampe allumée de jour', en: 'Lamp burning by day' },
    holds: (value) => value === 1,
  },
  {
    code: 'nearly_full',
    quantity: 'fill_level',
    kinds: ['waste_container'],
    label: { fr: 'Rempli à 90 % ou plus', en: 'Filled to 90 % or more' },
    holds: (value) => value >= 90,
  },
]

/** The one reason for attention that no reading tells: of several devices on an asset, one is silent. */
export const deviceSilence: { code: string; label: Label } = {
  code: 'device_silent',
  label: { fr: 'Un des appareils est silencieux', en: 'One of its devices is silent' },
}

/** Every reason for attention, by its code. */
export const attentionCodes = [...attentionRules, deviceSilence].map((each) => each.code)
