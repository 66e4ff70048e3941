//! Rows shared by content: no row of activations is computed twice while it is remembered.
//!
//! A row is a pure function of the rows that its layer reads, so rows are told apart by numbers, their *ids*, and never by their
//! values. A position whose layer reads the same ids through the same taps as another has, bit for bit, the same row, in any image of
//! any run. Outside the image is an id too, a pixel's id is its level, and a class is one id more for a layer that adds its vector.
//!
//! *Families.* A layer that reads at its own position alone, rows that all follow from one id already looked up there, needs no id of
//! its own: 1x1 layers, gates, residuals, heads. With the layer that has the id, its *root*, it makes a family, and only roots are
//! looked up: the stem and each masked convolution of the reference's net, six of eighteen layers. This is read off the list of layers
//! ([`families`]) and holds for any.
//!
//! *The table* ([`Table`]) maps (root, ids read) to an id, and to the rows of those members of the family that another family reads. It
//! is as large as it was planned and never grows. The ids that a row is looked up by choose one of its sets, of sixteen ids, four of
//! which have their rows kept: an id takes little room, and what is computed from it can be met only while it is remembered. What is met
//! for the first time in a full set has its id remembered alone: most rows never come again, and are computed where they always were,
//! in the ring. When it is met again its rows are kept, in place of those of the set that were not met for longest. Rows that a
//! position still in flight may read are never replaced: each set knows at which step they were met last, and a ring is so many steps
//! long. An id may be forgotten at any time: it stays what it is for those who have it.
//!
//! *Two silent wrong answers* are ruled out. Hashes choose where to look and nothing else: ids are compared in full. And no id comes a second
//! time while anything remembers it: when 32 bits of them are used up (some two million digits), positions go without until the images
//! under way are done; then the table is emptied and numbering begins anew. 64 bits would never end, and make keys of twice the size.
//!
//! No result depends on what is met: a row is the same met or computed, so neither does any on the table's size, or on what ran before.

use crate::error::Error;
use crate::layers::{Layer, Layers, Source, Start, Tap};
use crate::memory::{Bytes, try_room, try_zeroed};
use crate::packed::Units;
use crate::schedule::{Schedule, fits};
use std::ops::Range;

/// The id of what lies outside the image, a pixel or a row.
pub(crate) const OUTSIDE: u32 = 0;
/// The id of a row that has none: it is computed where it is read, and shared with nobody.
pub(crate) const NONE: u32 = 1;
/// The first id of a row.
const FIRST: u32 = 2;

/// Layers whose rows follow from one id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Family {
    /// The layer that is looked up: the first of them.
    pub root: usize,
    /// The ids by which it is looked up: of pixels, and then of other roots.
    pub key: Vec<(Source, Tap)>,
    /// Whether the image's class is one more.
    pub class: bool,
    /// The members that other families read, or that make the logits: the rows that a table keeps.
    pub kept: Vec<usize>,
    /// Multiply-adds of all members for one position.
    pub macs: u64,
    /// Families whose ids at its own position are part of its key.
    here: Vec<usize>,
    /// Whether the class follows from its id.
    knows_class: bool,
}

/// The families of a net's layers under a schedule, and the family of each layer. A member must be computed at the step of its root, so
/// that all of a new row is there before another position meets it.
pub(crate) fn families(layers: &Layers, schedule: &Schedule) -> (Vec<Family>, Vec<usize>) {
    let mut families: Vec<Family> = Vec::with_capacity(layers.len());
    let mut of: Vec<usize> = Vec::with_capacity(layers.len());
    for (index, layer) in layers.iter().enumerate() {
        let mut key: Vec<(Source, Tap)> = Vec::new();
        for (source, tap) in layer.reads().filter(|&(_, tap)| fits(tap, schedule.height, schedule.width)) {
            let source = match source {
                Source::Pixels => Source::Pixels,
                Source::Layer(source) => Source::Layer(families[of[source]].root),
            };
            if !key.contains(&(source, tap)) {
                key.push((source, tap));
            }
        }
        let family_here = |&(source, tap): &(Source, Tap)| match source {
            Source::Layer(root) if tap == Tap::HERE => Some(of[root]),
            _ => None,
        };
        // What another id implies at the same position says nothing more.
        let mut implied = vec![false; families.len()];
        key.iter().filter_map(family_here).flat_map(|family| &families[family].here).for_each(|&family| implied[family] = true);
        for family in (0..families.len()).rev().filter(|&family| implied[family]).collect::<Vec<_>>() {
            families[family].here.iter().for_each(|&family| implied[family] = true);
        }
        key.retain(|read| family_here(read).is_none_or(|family| !implied[family]));
        let here: Vec<usize> = key.iter().filter_map(family_here).collect();
        let adds_class = layer.start == (Start::Bias { class: true });
        let knows_class = here.iter().any(|&family| families[family].knows_class);
        let class = adds_class && !knows_class;
        let same_step = |family: usize| {
            let (layer, root) = (Source::Layer(index), Source::Layer(families[family].root));
            schedule.delay(layer) == schedule.delay(root) && schedule.is_whole(layer) == schedule.is_whole(root)
        };
        if key.len() == 1 && !class && here.first().is_some_and(|&family| same_step(family)) {
            families[here[0]].macs += layer.macs();
            of.push(here[0]);
            continue;
        }
        key.sort_by_key(|&(source, _)| source != Source::Pixels);
        of.push(families.len());
        let macs = layer.macs();
        families.push(Family { root: index, key, class, kept: vec![], macs, here, knows_class: class || knows_class });
    }
    let mut kept = vec![false; layers.len()];
    kept[layers.len() - 1] = true;
    for (layer, source, _) in layers.reads() {
        match source {
            Source::Layer(source) if of[source] != of[layer] => kept[source] = true,
            _ => {}
        }
    }
    (0..layers.len()).filter(|&layer| kept[layer]).for_each(|layer| families[of[layer]].kept.push(layer));
    (families, of)
}

/// Each layer by itself, where nothing is shared.
pub(crate) fn alone(layers: &Layers) -> (Vec<Family>, Vec<usize>) {
    let family = |root| Family { root, key: vec![], class: false, kept: vec![], macs: 0, here: vec![], knows_class: false };
    ((0..layers.len()).map(family).collect(), (0..layers.len()).collect())
}

/// Bits of a pixel's id in a key.
pub(crate) fn pixel_bits(levels: usize) -> u32 {
    usize::BITS - levels.leading_zeros() // of the largest, 0 being outside
}

/// Words of a family's key.
fn key_words(family: &Family, levels: usize) -> u64 {
    let pixels = family.key.iter().filter(|read| read.0 == Source::Pixels).count() as u64;
    let others = family.key.len() as u64 - pixels;
    pixels.div_ceil(u64::from(32 / pixel_bits(levels))) + others + u64::from(family.class)
}

/// Ids of a set.
const WAYS: usize = 16;

/// The first of them, whose rows are kept, too.
const KEPT: usize = 4;

/// Words of a line of a processor's caches, and of what stands at the beginning of a set: tags of its ids' hashes, a byte each, 0 where there
/// is no id; the steps at which each was met last, modulo 2^16; and where the rows lie that are kept.
const LINE: usize = 16;
const MET: usize = WAYS / 4;
const STARTS: usize = MET + WAYS / 2;

/// The most that a table may take.
pub const MOST_BYTES: u64 = 1 << 31;

/// What one takes where nobody says.
const DEFAULT_BYTES: u64 = 16_000_000;

/// Multiply-adds that take about as long as looking a row up.
const LOOK_UP_MACS: u64 = 4096;

/// What a net's table takes where nobody says: none where rows are computed about as fast as they are looked up.
pub fn default_bytes(layers: &Layers) -> u64 {
    let is_looked_up = |layer: &&Layer| layer.reads().any(|(source, tap)| source == Source::Pixels || tap != Tap::HERE);
    let (macs, looked_up) = (layers.iter().map(Layer::macs).sum::<u64>(), layers.iter().filter(is_looked_up).count() as u64);
    if macs >= LOOK_UP_MACS * looked_up { DEFAULT_BYTES } else { 0 }
}

/// A family's part of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shelf {
    words: u64,    // of a key
    values: u64,   // of the rows that are kept
    entry: u64,    // words of an entry: its id, two depths a word, and its key
    lifetime: u64, // steps after which no position reads what was met
    sets: u64,
}

impl Shelf {
    /// Words of a set.
    fn set(&self) -> u64 {
        (LINE as u64 + WAYS as u64 * self.entry).next_multiple_of(LINE as u64)
    }

    fn bytes(&self, units: Units) -> Bytes {
        units.values(&[KEPT as u64, self.values]) + Bytes::of::<u32>(&[self.set()])
    }
}

/// How large a table is, and how it is divided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TablePlan {
    shelves: Vec<Shelf>,
    /// Values of all rows that it can keep, which lie with all others.
    pub values: u64,
    /// All that it takes, these included.
    pub bytes: Bytes,
}

impl TablePlan {
    /// Of at most so many bytes; of none where that is too little. `lifetime` and `row` tell of a family how long its rows are read,
    /// in steps, and of a layer how many values a row has.
    pub fn new(
        units: Units,
        levels: usize,
        families: &[Family],
        bytes: u64,
        lifetime: impl Fn(usize) -> u64,
        row: impl Fn(usize) -> u64,
    ) -> TablePlan {
        let shelf = |(number, family): (usize, &Family)| {
            let (words, depths) = (key_words(family, levels), family.kept.len().div_ceil(2) as u64);
            let values = family.kept.iter().map(|&layer| row(layer)).sum();
            // Small ones do not lie across two lines.
            let entry = match 1 + words + depths {
                small if small <= LINE as u64 => small.next_power_of_two(),
                large => large,
            };
            Shelf { words, values, entry, lifetime: lifetime(number), sets: 0 }
        };
        let mut shelves: Vec<Shelf> = families.iter().enumerate().map(shelf).collect();
        // A set for each, and of what is left the more, the more multiply-adds follow: where an id is forgotten, all rows that were computed
        // from it are met no more.
        let one: u64 = shelves.iter().map(|shelf| shelf.bytes(units).0).sum();
        let after = |number: usize| families[number..].iter().map(|family| family.macs).sum::<u64>();
        let macs: u64 = (0..families.len()).map(after).sum();
        let Some(left) = bytes.min(MOST_BYTES).checked_sub(one) else { return TablePlan::default() };
        for (number, shelf) in shelves.iter_mut().enumerate() {
            let bytes = u128::from(left) * u128::from(after(number)) / u128::from(macs.max(1));
            shelf.sets = 1 + bytes as u64 / shelf.bytes(units).0;
        }
        let values = shelves.iter().map(|shelf| shelf.sets * KEPT as u64 * shelf.values).sum();
        let bytes = shelves.iter().map(|shelf| Bytes(shelf.sets * shelf.bytes(units).0)).sum::<Bytes>();
        let bytes = bytes + Bytes::of::<u32>(&[LINE as u64]); // so that sets begin with a line
        TablePlan { shelves, values, bytes }
    }

    /// Words of the longest key.
    pub fn words(&self) -> u64 {
        self.shelves.iter().map(|shelf| shelf.words).max().unwrap_or(0)
    }

    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.shelves.is_empty()
    }
}

/// Where a family's part of a table lies.
#[derive(Clone, Copy, Debug)]
struct Part {
    first: usize, // word
    sets: u64,
    set: usize,   // words of one
    entry: usize, // words of one
    words: usize, // of a key, at the end of it
    values: u32,
    lifetime: u32,
}

impl Part {
    /// The set that a hash leads to, by its first word.
    #[inline]
    fn place(&self, hash: u64) -> usize {
        self.first + (((hash >> 32) * self.sets) >> 32) as usize * self.set
    }

    /// Where an entry of a set lies.
    #[inline]
    fn entry(&self, set: usize, way: usize) -> usize {
        set + LINE + way * self.entry
    }
}

/// What tells the entries of a set apart before their keys are looked at; not 0.
#[inline]
fn tag(hash: u64) -> u8 {
    ((hash >> 1) as u8).max(1)
}

/// A bit for each way of a set whose tag is as wanted, and now and then for one after such a way that is not: eight tags are looked at
/// in one word.
#[inline]
fn same(words: &[u32], set: usize, wanted: u8) -> u32 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGHEST: u64 = ONES << 7; // of each byte
    const GATHER: u64 = 0x0102_0408_1020_4080; // times a bit in each byte: all of them in the last byte
    (0..WAYS / 8).fold(0, |ways, eight| {
        let [low, high] = [words[set + 2 * eight], words[set + 2 * eight + 1]].map(u64::from);
        let apart = (low | high << 32) ^ (u64::from(wanted) * ONES);
        let bits = apart.wrapping_sub(ONES) & !apart & HIGHEST;
        ways | (((bits >> 7).wrapping_mul(GATHER) >> 56) as u32) << (8 * eight)
    })
}

/// What was found, or has been given a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The id of its rows.
    pub id: u32,
    /// Their entry in the table, where they have one, and where they lie, from the first of all on.
    pub entry: Option<(usize, u32)>,
    /// Whether they must be computed.
    pub is_new: bool,
}

/// What was looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Met {
    /// Positions whose row was there already.
    pub met: u64,
    /// Positions whose row was computed and put there.
    pub new: u64,
    /// Positions whose row was computed and not kept: it was met for the first time, or no place was free.
    pub apart: u64,
}

/// Rows that are remembered, by what they were computed from. Their values lie elsewhere: the table says where.
#[derive(Debug)]
pub(crate) struct Table {
    plan: TablePlan,
    parts: Vec<Part>,
    words: Vec<u32>, // [set]: a line of tags and steps, and its entries: id, depths, two a word, and at their end the key
    counts: Vec<Met>, // (family)
    end: u32,        // values that were given a place
    now: u32,        // the step; of a difference of two it is all the same whether they wrap
    first: u32,      // the first id, and what numbering begins anew with
    next: u32,
}

impl Table {
    /// An empty one, that numbers rows from `first` on.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(plan: TablePlan, first: u32) -> Result<Table, Error> {
        let mut parts = try_room(plan.shelves.len())?;
        let all: u64 = plan.shelves.iter().map(|shelf| shelf.sets * shelf.set()).sum();
        let words: Vec<u32> = try_zeroed(all as usize + LINE)?;
        let mut end = words.as_ptr().align_offset(LINE * size_of::<u32>()).min(LINE);
        for shelf in &plan.shelves {
            let (entry, words, values) = (shelf.entry as usize, shelf.words as usize, shelf.values as u32);
            let lifetime = u32::try_from(shelf.lifetime).unwrap_or(u32::MAX);
            parts.push(Part { first: end, sets: shelf.sets, set: shelf.set() as usize, entry, words, values, lifetime });
            end += (shelf.sets * shelf.set()) as usize;
        }
        let counts = try_zeroed(plan.shelves.len())?;
        let first = first.max(FIRST);
        Ok(Table { plan, parts, words, counts, end: 0, now: 0, first, next: first })
    }

    /// How it was planned.
    pub fn plan(&self) -> &TablePlan {
        &self.plan
    }

    /// Values of the rows it has, from the first on.
    pub fn end(&self) -> usize {
        self.end as usize
    }

    /// What was looked up since it was made, or these were reset, `[family]`.
    pub fn counts(&self) -> &[Met] {
        &self.counts
    }

    /// Starts counting anew.
    pub fn reset_counts(&mut self) {
        self.counts.fill(Met::default());
    }

    /// A step begins.
    pub fn step(&mut self) {
        self.now = self.now.wrapping_add(1);
    }

    /// Images begin: no position of any is read any more. Where ids were used up, nothing is remembered, and numbering begins anew.
    pub fn begin_images(&mut self) {
        if self.next == u32::MAX {
            self.words.fill(0);
            (self.end, self.next) = (0, self.first);
        }
    }

    /// Looks at the sets that hashes lead to, and then at the entries there. Lines of memory that are asked for side by side come in
    /// together: one by one, as they are looked up, each would be waited for.
    pub fn touch(&self, family: usize, hashes: impl Iterator<Item = u64> + Clone) {
        let part = self.parts[family];
        let mut seen = 0;
        for hash in hashes.clone() {
            seen ^= self.words[part.place(hash)];
        }
        for hash in hashes {
            let set = part.place(hash);
            let ways = same(&self.words, set, tag(hash));
            let at = if ways == 0 { set } else { part.entry(set, ways.trailing_zeros() as usize) };
            seen ^= self.words[at];
        }
        std::hint::black_box(seen);
    }

    /// The row that a family makes of these ids, numbered where it is new; `None` where numbers are used up.
    #[inline]
    pub fn look_up(&mut self, family: usize, hash: u64, key: &[u32]) -> Option<Found> {
        let part = self.parts[family];
        let (set, tag) = (part.place(hash), tag(hash));
        let key_at = |entry: usize| entry + part.entry - part.words;
        let mut ways = same(&self.words, set, tag);
        while ways != 0 {
            let way = ways.trailing_zeros() as usize;
            let entry = part.entry(set, way);
            if !self.words[key_at(entry)..][..part.words].iter().eq(key) {
                ways &= ways - 1;
                continue;
            }
            self.set_met(set, way);
            if way >= KEPT {
                return Some(self.keep(family, set, way));
            }
            self.counts[family].met += 1;
            return Some(Found { id: self.words[entry], entry: Some((entry, self.words[set + STARTS + way])), is_new: false });
        }
        if self.next == u32::MAX {
            self.counts[family].apart += 1;
            return None;
        }
        let id = self.next;
        self.next += 1;
        // The first free place, else that of the one that was not met for longest, of those whose rows are not kept.
        let free = same(&self.words, set, 0).trailing_zeros() as usize;
        let way = if free < WAYS { free } else { self.oldest(set, KEPT..WAYS) };
        self.set_tag(set, way, tag.into());
        self.set_met(set, way);
        let entry = part.entry(set, way);
        self.words[entry] = id;
        self.put(key_at(entry), key.iter().copied());
        if way >= KEPT {
            self.counts[family].apart += 1;
            return Some(Found { id, entry: None, is_new: true });
        }
        let start = self.end;
        self.end += part.values;
        self.words[set + STARTS + way] = start;
        self.put(entry + 1, (entry + 1..key_at(entry)).map(|_| u32::MAX));
        self.counts[family].new += 1;
        Some(Found { id, entry: Some((entry, start)), is_new: true })
    }

    /// Puts some words there, one by one: for so few of them a call that copies or fills, as WebAssembly has them, takes longer.
    #[inline]
    fn put(&mut self, at: usize, words: impl Iterator<Item = u32>) {
        words.enumerate().for_each(|(k, word)| self.words[at + k] = word);
    }

    /// The tag of a way.
    fn tag(&self, set: usize, way: usize) -> u32 {
        self.words[set + way / 4] >> (way % 4 * 8) & 0xff
    }

    fn set_tag(&mut self, set: usize, way: usize, tag: u32) {
        let (word, shift) = (&mut self.words[set + way / 4], way % 4 * 8);
        *word = *word & !(0xff << shift) | tag << shift;
    }

    /// Notes that a way was met at this step.
    fn set_met(&mut self, set: usize, way: usize) {
        let (word, shift) = (&mut self.words[set + MET + way / 2], way % 2 * 16);
        *word = *word & !(0xffff << shift) | (self.now & 0xffff) << shift;
    }

    /// Steps since a way was met last; less, by a multiple of 2^16, where it is longer ago.
    fn age(&self, set: usize, way: usize) -> u32 {
        self.now.wrapping_sub(self.words[set + MET + way / 2] >> (way % 2 * 16)) & 0xffff
    }

    /// Of some ways of a set the one that was not met for longest.
    fn oldest(&self, set: usize, ways: Range<usize>) -> usize {
        ways.max_by_key(|&way| self.age(set, way)).unwrap_or(0)
    }

    /// What is met for the second time: it changes places with the one whose rows were not met for longest, unless these may be read.
    fn keep(&mut self, family: usize, set: usize, way: usize) -> Found {
        let part = self.parts[family];
        let from = part.entry(set, way);
        let kept = self.oldest(set, 0..KEPT);
        if self.age(set, kept) < part.lifetime {
            self.counts[family].apart += 1;
            return Found { id: self.words[from], entry: None, is_new: true };
        }
        let to = part.entry(set, kept);
        (0..part.entry).for_each(|word| self.words.swap(from + word, to + word));
        // The age of what is only an id from now on does not matter much: it is as if it was met now.
        let (tag, other) = (self.tag(set, way), self.tag(set, kept));
        self.set_tag(set, kept, tag);
        self.set_tag(set, way, other);
        self.set_met(set, kept);
        self.put(to + 1, (to + 1..to + part.entry - part.words).map(|_| u32::MAX));
        self.counts[family].new += 1;
        Found { id: self.words[to], entry: Some((to, self.words[set + STARTS + kept])), is_new: true }
    }

    /// Counts a position that could not be looked up.
    pub fn count_apart(&mut self, family: usize) {
        self.counts[family].apart += 1;
    }

    /// How deep one of the rows of an entry is, of those that are kept; [`u16::MAX`] where that is not known yet.
    pub fn depth(&self, entry: usize, kept: usize) -> u32 {
        self.words[entry + 1 + kept / 2] >> (kept % 2 * 16) & 0xffff
    }

    /// Tells it.
    pub fn set_depth(&mut self, entry: usize, kept: usize, depth: u32) {
        let word = &mut self.words[entry + 1 + kept / 2];
        let shift = kept % 2 * 16;
        *word = *word & !(0xffff << shift) | depth << shift;
    }
}

/// What chooses where to look; not 0. Fewer bits than ids have: equal keys, equal hashes, and nothing the other way.
#[inline]
pub(crate) fn hash(key: &[u32]) -> u64 {
    let mixed = key.iter().fold(0x9e37_79b9_7f4a_7c15, |hash: u64, &word| {
        let hash = (hash ^ u64::from(word)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        hash ^ (hash >> 32)
    });
    mixed | 1
}
