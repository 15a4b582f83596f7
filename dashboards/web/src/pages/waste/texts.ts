const fr = { intro: 'Les conteneurs par remplissage, et ceux qu’il faut vider aujourd’hui.' }

export const texts = { fr, en: { intro: 'Containers by fill level, and those to empty today.' } satisfies typeof fr }
