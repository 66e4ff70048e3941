//! The pixels that a position depends on, a bit each: where taps lie apart a field has thousands of gaps in each of thousands of
//! rows, and takes some megabytes all the same.

use crate::layers::{Input, Layers, Source, Tap};
use crate::memory::Bytes;
use std::collections::BinaryHeap;
use std::rc::Rc;

/// Offsets, relative to a position. Made by [`Layers::receptive_field`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    frame: Frame,
    bits: Vec<u64>, // (rows up)(column, from the leftmost of the frame on): as many rows as are not empty
}

/// What fields that are made together lie in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    above: usize,
    left: usize,
    right: usize,
}

impl Frame {
    /// Of fields that reach so far at most, clipped to what fits into an image of that size.
    pub fn new([above, left, right]: [usize; 3], height: usize, width: usize) -> Frame {
        Frame { above: above.min(height - 1), left: left.min(width - 1), right: right.min(width - 1) }
    }

    /// Of a row.
    fn words(self) -> usize {
        (self.left + self.right + 1).div_ceil(64)
    }

    /// Bytes of a field, at most.
    pub fn bytes(self) -> u64 {
        ((self.above + 1) * self.words() * size_of::<u64>()) as u64
    }
}

impl Layers {
    /// What the fields of all layers lie in.
    fn frame(&self, height: usize, width: usize) -> Frame {
        let furthest = |a: [usize; 3], b: [usize; 3]| std::array::from_fn(|side| a[side].max(b[side]));
        Frame::new(self.reaches().into_iter().fold([0; 3], furthest), height, width)
    }

    /// What [`Layers::receptive_field`] takes at most: a few fields are under way at a time, and it lists who reads whom.
    pub(crate) fn planned_field(&self, height: usize, width: usize) -> Bytes {
        const FIELDS: u64 = 7;
        let reads = self.iter().map(|layer| layer.inputs.len() as u64 + 2).sum();
        Bytes(FIELDS.saturating_mul(self.frame(height, width).bytes())) + Bytes::of::<[usize; 8]>(&[reads])
    }

    /// The offsets of all pixels that the logits at a position depend on, clipped to what fits into an image of
    /// `height` x `width`; 129 of them for the reference. Near a border kernels that lean or are dilated may miss some of
    /// them: the only way to a pixel of the image can lead outside.
    pub fn receptive_field(&self, height: usize, width: usize) -> Field {
        let frame = self.frame(height, width);
        let taps = |input: &Input| -> Vec<Tap> { input.terms.iter().map(|term| term.tap).collect() };
        // (layer) -> who reads it, through which of its inputs; none for what it reads beside.
        let mut readers: Vec<Vec<(usize, Option<usize>)>> = vec![Vec::new(); self.len()];
        for (index, layer) in self.iter().enumerate() {
            for (number, input) in layer.inputs.iter().enumerate() {
                if let Source::Layer(source) = input.source {
                    readers[source].push((index, Some(number)));
                }
            }
            layer.beside().for_each(|source| readers[source].push((index, None)));
        }
        let pixel = Field::pixel(frame);
        // What each layer is known to see. A field is told to its readers and let go of: a head may read hundreds of layers.
        let nothing = Rc::new(Field::empty(frame));
        let mut known = vec![nothing; self.len()];
        // Fields that taps do not enlarge: those of deep nets fill the image long before the last layer.
        let mut full: Vec<(Rc<Field>, Vec<Tap>)> = Vec::new();
        for (index, layer) in self.iter().enumerate() {
            let mut field = std::mem::take(&mut known[index]);
            for input in layer.inputs.iter().filter(|input| input.source == Source::Pixels) {
                field = Field::union(field, Rc::new(pixel.through(&taps(input))));
            }
            if index + 1 == self.len() {
                return Rc::unwrap_or_clone(field);
            }
            for &(reader, number) in &readers[index] {
                let taps = number.map_or(vec![Tap::HERE], |number| taps(&self[reader].inputs[number]));
                let is_full = || full.iter().any(|(of, through)| Rc::ptr_eq(of, &field) && *through == taps);
                let mut seen = Rc::clone(&field);
                if taps[..] != [Tap::HERE] && !is_full() {
                    seen = Rc::new(field.through(&taps));
                    if seen == field {
                        seen = Rc::clone(&field);
                        full.truncate(15);
                        full.insert(0, (Rc::clone(&field), taps));
                    }
                }
                known[reader] = Field::union(std::mem::take(&mut known[reader]), seen);
            }
        }
        Field::empty(frame)
    }
}

impl Field {
    /// None.
    pub(crate) fn empty(frame: Frame) -> Field {
        Field { frame, bits: Vec::new() }
    }

    /// The position alone.
    pub(crate) fn pixel(frame: Frame) -> Field {
        let mut bits = vec![0; frame.words()];
        bits[frame.left / 64] = 1 << (frame.left % 64);
        Field { frame, bits }
    }

    /// The field as seen through taps, clipped to the frame.
    pub(crate) fn through(&self, taps: &[Tap]) -> Field {
        let Frame { above, left, right } = self.frame;
        let (words, sets) = (self.frame.words(), Columns::of(taps));
        let most = taps.iter().map(|tap| tap.dy.unsigned_abs() as usize).max().unwrap_or(0) + self.bits.len() / words;
        let mut bits = vec![0; words * most.min(above + 1)];
        let (mut spread, mut spare) = (Vec::new(), Vec::new());
        for (source, row) in self.bits.chunks_exact(words).enumerate() {
            let Some(from) = row.iter().position(|&word| word != 0) else { continue };
            let to = row.iter().rposition(|&word| word != 0).map_or(0, |last| last + 1);
            for set in &sets {
                // Where rows of taps are alike and evenly apart, an equal row has told most others what this would.
                let before = set.apart.and_then(|apart| source.checked_sub(apart)).map(|before| before * words);
                let told = before.is_some_and(|before| &self.bits[before..][..words] == row);
                set.spread(&row[from..to], &mut spread, &mut spare);
                for &(up, first) in &set.rows[..if told { 1 } else { set.rows.len() }] {
                    if let Some(row) = bits.chunks_exact_mut(words).nth(source + up) {
                        add(row, &spread, first + 64 * from as i32);
                    }
                }
            }
        }
        let beyond = (left + right + 1) % 64;
        if beyond > 0 {
            bits.chunks_exact_mut(words).for_each(|row| row[words - 1] &= (1 << beyond) - 1);
        }
        let rows = bits.chunks_exact(words).rposition(|row| row.iter().any(|&word| word != 0)).map_or(0, |last| last + 1);
        bits.truncate(rows * words);
        Field { frame: self.frame, bits }
    }

    /// Whether all of it is part of another of the same frame.
    fn is_within(&self, other: &Field) -> bool {
        self.bits.len() <= other.bits.len() && self.bits.iter().zip(&other.bits).all(|(a, b)| a & !b == 0)
    }

    /// What either holds.
    pub(crate) fn union(mut a: Rc<Field>, b: Rc<Field>) -> Rc<Field> {
        if Rc::ptr_eq(&a, &b) || b.is_within(&a) {
            return a;
        }
        if a.is_within(&b) {
            return b;
        }
        let Field { bits, .. } = Rc::make_mut(&mut a);
        bits.resize(bits.len().max(b.bits.len()), 0);
        bits.iter_mut().zip(&b.bits).for_each(|(a, b)| *a |= b);
        a
    }

    /// Pixels.
    pub fn len(&self) -> u64 {
        self.bits.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }

    /// How far it reaches up, to the left and to the right, in pixels.
    pub fn reach(&self) -> (u64, u64, u64) {
        let rows = || self.bits.chunks_exact(self.frame.words());
        let first = |row: &[u64]| row.iter().position(|&w| w != 0).map(|at| 64 * at + row[at].trailing_zeros() as usize);
        let last = |row: &[u64]| row.iter().rposition(|&w| w != 0).map(|at| 64 * at + 63 - row[at].leading_zeros() as usize);
        let (first, last) = (rows().filter_map(first).min(), rows().filter_map(last).max());
        let from_here = |column: Option<usize>| column.map_or(0, |column| column as i64 - self.frame.left as i64);
        (rows().len().saturating_sub(1) as u64, (-from_here(first)).max(0) as u64, from_here(last).max(0) as u64)
    }

    /// Every offset, from the position's own row upwards and from left to right.
    pub fn taps(&self) -> impl Iterator<Item = Tap> + '_ {
        self.bits.chunks_exact(self.frame.words()).enumerate().flat_map(move |(up, row)| {
            let columns = (0..64 * row.len()).filter(|column| row[column / 64] >> (column % 64) & 1 == 1);
            columns.map(move |column| Tap { dy: -(up as i32), dx: column as i32 - self.frame.left as i32 })
        })
    }
}

/// Columns that some rows of taps have in common, as the first of them sees them.
#[derive(Debug)]
struct Columns {
    after_first: Vec<usize>,
    rows: Vec<(usize, i32)>, // rows up, the furthest first, and the first column
    apart: Option<usize>,    // rows between these, where it is the same number and all have the same first column
}

impl Columns {
    fn of(taps: &[Tap]) -> Vec<Columns> {
        let taps = BinaryHeap::from(taps.to_vec()).into_sorted_vec(); // in a tenth of the code of a sort
        let mut all: Vec<Columns> = Vec::new();
        for row in taps.chunk_by(|a, b| a.dy == b.dy) {
            let after_first: Vec<usize> = row.iter().map(|tap| (tap.dx - row[0].dx) as usize).collect();
            let place = (row[0].dy.unsigned_abs() as usize, row[0].dx);
            match all.iter_mut().find(|columns| columns.after_first == after_first) {
                Some(columns) => columns.rows.push(place),
                None => all.push(Columns { after_first, rows: vec![place], apart: None }),
            }
        }
        for Columns { rows, apart, .. } in &mut all {
            let mut steps = rows.windows(2).map(|pair| (pair[0].0 - pair[1].0, pair[0].1 - pair[1].1));
            *apart = steps.next().filter(|first| first.1 == 0 && steps.all(|step| step == *first)).map(|first| first.0);
        }
        all
    }

    /// A row seen through all of them. Columns that lie evenly apart, as a kernel's do, cost their logarithm: twice as many come of
    /// those that are there.
    fn spread(&self, row: &[u64], spread: &mut Vec<u64>, spare: &mut Vec<u64>) {
        let last = self.after_first.last().copied().unwrap_or(0);
        spread.clear();
        spread.extend_from_slice(row);
        spread.resize(row.len() + last / 64 + 1, 0);
        let apart = self.after_first.get(1).copied().unwrap_or(0);
        if !self.after_first.iter().enumerate().all(|(number, &column)| column == number * apart) {
            self.after_first.iter().for_each(|&column| add(spread, row, column as i32));
            return;
        }
        let mut there = 1;
        while there < self.after_first.len() {
            let more = there.min(self.after_first.len() - there);
            spare.clone_from(spread);
            add(spread, spare, (more * apart) as i32);
            there += more;
        }
    }
}

/// Adds the bits of a row moved to the right (towards later bits), or to the left. What leaves the other row is lost.
fn add(to: &mut [u64], from: &[u64], by: i32) {
    let (words, bits) = (by.div_euclid(64) as isize, by.rem_euclid(64));
    let mut words_moved = |words: isize, moved: fn(u64, i32) -> u64, bits: i32| {
        let (skip, drop) = (words.max(0) as usize, (-words).max(0) as usize);
        let to = to.iter_mut().skip(skip);
        to.zip(from.get(drop..).unwrap_or(&[])).for_each(|(to, &from)| *to |= moved(from, bits));
    };
    words_moved(words, |word, bits| word << bits, bits);
    if bits > 0 {
        words_moved(words + 1, |word, bits| word >> bits, 64 - bits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_move_as_far_as_they_should_and_no_further() {
        let from = [1 << 63 | 1, 5];
        let bits = |row: &[u64]| {
            (0..64 * row.len() as i32).filter(|&at| row[at as usize / 64] >> (at % 64) & 1 == 1).collect::<Vec<_>>()
        };
        for by in -200..200 {
            let mut to = [0; 3];
            add(&mut to, &from, by);
            let wanted: Vec<i32> = bits(&from).iter().map(|at| at + by).filter(|at| (0..192).contains(at)).collect();
            assert_eq!(bits(&to), wanted, "by {by}");
        }
    }
}
