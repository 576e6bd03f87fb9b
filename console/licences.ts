import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import type { Plugin } from 'vite';

const PACKAGE_OF = /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/;

/** The folder of the npm package that a bundled module belongs to, if it belongs to one. */
function packageFolder(moduleId: string): string | undefined {
  return PACKAGE_OF.exec(moduleId.replace(/^\0/, ''))?.[1];
}

/** Name, version and licence text of one package. */
function notice(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? readFileSync(join(folder, file), 'utf8').trim() : `Licence: ${license}`;
  return `${name} ${version}\n\n${text}\n`;
}

/** Writes `licences.txt` beside the page: the notices that the bundled packages ask for. */
export function licences(): Plugin {
  return {
    name: 'clearway-licences',
    apply: 'build',
    generateBundle() {
      const folders = new Set<string>();
      for (const id of this.getModuleIds()) {
        const folder = packageFolder(id);
        if (folder) folders.add(folder);
      }
      // The font reaches the bundle through the style sheet, not as a module.
      folders.add(join(process.cwd(), 'node_modules', '@fontsource-variable', 'inter'));
      const source = [...folders]
        .sort()
        .map(notice)
        .join(`\n${'-'.repeat(80)}\n\n`);
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source });
    },
  };
}
