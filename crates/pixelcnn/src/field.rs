//! The pixels that a position depends on, as rows of intervals: a deep net on a large image has millions of pixels in its
//! field, and a few thousand intervals.

use crate::layers::Tap;
use std::rc::Rc;

/// Offsets, relative to a position. Made by [`crate::layers::Layers::receptive_field`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field(Vec<Vec<Span>>); // (rows up) -> intervals from left to right, none of which touch

/// Columns from `left` to `right`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    left: i32,
    right: i32,
}

impl Field {
    /// The position alone.
    pub(crate) fn pixel(height: usize, width: usize) -> Field {
        Field::clipped(vec![vec![Span { left: 0, right: 0 }]], height, width)
    }

    /// The fields of some sources, each seen through taps.
    pub(crate) fn union(sources: &[(Rc<Field>, Vec<Tap>)], height: usize, width: usize) -> Field {
        let mut rows: Vec<Vec<Span>> = Vec::new();
        for (field, taps) in sources {
            // Taps side by side widen an interval, so that a kernel costs its rows and not its area.
            for (up, columns) in Field::of_taps(taps).0.iter().enumerate() {
                for (above, spans) in field.0.iter().enumerate().take(height.saturating_sub(up)) {
                    if columns.is_empty() || spans.is_empty() {
                        continue;
                    }
                    if rows.len() <= above + up {
                        rows.resize(above + up + 1, Vec::new());
                    }
                    let row = &mut rows[above + up];
                    for span in spans {
                        row.extend(columns.iter().map(|c| Span { left: span.left + c.left, right: span.right + c.right }));
                    }
                    if row.len() > MANY {
                        merge(row);
                    }
                }
            }
        }
        Field::clipped(rows, height, width)
    }

    fn of_taps(taps: &[Tap]) -> Field {
        let mut rows = vec![Vec::new(); taps.iter().map(|tap| tap.dy.unsigned_abs() as usize + 1).max().unwrap_or(0)];
        for &Tap { dy, dx } in taps {
            rows[dy.unsigned_abs() as usize].push(Span { left: dx, right: dx });
        }
        rows.iter_mut().for_each(merge);
        Field(rows)
    }

    /// What of it fits into an image of that size, intervals in order.
    fn clipped(mut rows: Vec<Vec<Span>>, height: usize, width: usize) -> Field {
        let most = width as i32 - 1;
        rows.truncate(height);
        for row in &mut rows {
            row.retain_mut(|span| {
                *span = Span { left: span.left.max(-most), right: span.right.min(most) };
                span.left <= span.right
            });
            merge(row);
        }
        rows.truncate(rows.iter().rposition(|row| !row.is_empty()).map_or(0, |last| last + 1));
        Field(rows)
    }

    /// Pixels.
    pub fn len(&self) -> u64 {
        self.spans().map(|(_, span)| (span.right - span.left + 1) as u64).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Intervals in all its rows: what it takes to hold it.
    pub fn intervals(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    /// How far it reaches up, to the left and to the right, in pixels.
    pub fn reach(&self) -> (u64, u64, u64) {
        let furthest = |distance: fn(Span) -> i32| self.spans().map(|(_, span)| distance(span)).max().unwrap_or(0).max(0) as u64;
        (self.0.len().saturating_sub(1) as u64, furthest(|span| -span.left), furthest(|span| span.right))
    }

    /// Every offset, from the position's own row upwards and from left to right.
    pub fn taps(&self) -> impl Iterator<Item = Tap> + '_ {
        self.spans().flat_map(|(up, span)| (span.left..=span.right).map(move |dx| Tap { dy: -up, dx }))
    }

    fn spans(&self) -> impl Iterator<Item = (i32, Span)> + '_ {
        self.0.iter().enumerate().flat_map(|(up, row)| row.iter().map(move |&span| (up as i32, span)))
    }
}

/// Intervals that a row may gather before they are merged.
const MANY: usize = 64;

/// Sorts the intervals of a row, which are few and nearly in order, and joins those that touch.
fn merge(row: &mut Vec<Span>) {
    for next in 1..row.len() {
        let mut at = next;
        while at > 0 && row[at - 1] > row[at] {
            row.swap(at - 1, at);
            at -= 1;
        }
    }
    row.dedup_by(|next, span| {
        let touches = next.left <= span.right + 1;
        if touches {
            span.right = span.right.max(next.right);
        }
        touches
    });
}
