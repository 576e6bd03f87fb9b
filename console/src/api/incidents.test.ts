import { describe, expect, it } from 'vitest';

import { open, type Incident } from './incidents';

describe('incidents', () => {
  it('shows those that are not over', () => {
    const incident = (id: number, state: Incident['state']): Incident => ({
      id,
      title: `Closure ${id}`,
      state,
      until: null,
      decisions: [],
    });
    const shown = open([incident(3, 'ended'), incident(2, 'active'), incident(1, 'proposed')]);
    expect(shown.map(({ id }) => id)).toEqual([2, 1]);
  });
});
