//! Rows that are remembered, by the ids that they were computed from: how they are looked up. `pixelcnn::sharing` says what ids are, and
//! plans how large a table is.

use std::ops::Range;

/// The id of what lies outside the image, a pixel or a row.
pub const OUTSIDE: u32 = 0;
/// The id of a row that has none, and more than all others: it is computed where it is read, and shared with nobody.
pub const NONE: u32 = u32::MAX;
/// The first id of a row.
pub const FIRST: u32 = 1;

/// Ids of a set.
pub const WAYS: usize = 16;

/// The first of them, whose rows are kept, too.
pub const KEPT: usize = 4;

/// Words of a line of a processor's caches, and of what stands at the beginning of a set: tags of its ids' hashes, a byte each, 0 where there
/// is no id; the steps at which each was met last, modulo 2^16; and where the rows lie that are kept.
pub const LINE: usize = 16;
const MET: usize = WAYS / 4;
const STARTS: usize = MET + WAYS / 2;

/// Where a family's part of a table lies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part {
    /// Its first word, which [`Table::new`] finds.
    pub first: usize,
    /// Sets.
    pub sets: u64,
    /// Words of a set.
    pub set: usize,
    /// Words of an entry.
    pub entry: usize,
    /// Words of a key, at the end of it.
    pub words: usize,
    /// Values of the rows that an entry keeps.
    pub values: u32,
    /// Steps after which no position reads what was met.
    pub lifetime: u32,
    /// Multiply-adds that a row spares that is met.
    pub macs: u64,
    /// Rows that were met, ever.
    pub met: u64,
    /// Whether they are looked up.
    pub watch: Watch,
    /// Those of blank images.
    pub blank: Blank,
}

/// A family's rows of an image whose every level is 0, which have places of their own. A row changes from position to position as long as the
/// image's edges lie within the family's reach. So there is one for each class, each of the first rows of the image, and each column near an
/// edge, and one for all columns between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blank {
    /// The id of the first.
    pub first: u32,
    /// Word of the first.
    pub word: usize,
    /// Classes that are told apart.
    pub classes: u64,
    /// Rows of the image; the last stands for all that follow.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// The column that stands for all between.
    pub left: usize,
    /// Columns of an image that it stands for, less one.
    pub between: usize,
}

impl Blank {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.classes.saturating_mul((self.rows * self.columns) as u64)
    }

    /// The number of that of a position.
    fn index(&self, row: usize, column: usize, class: usize) -> usize {
        let class = if self.classes > 1 { class } else { 0 };
        let column = column.min(self.left.max(column.saturating_sub(self.between)));
        (class * self.rows + row.min(self.rows - 1)) * self.columns + column
    }
}

/// Multiply-adds that take about as long as looking a row up.
pub const LOOK_UP_MACS: u64 = 4096;

/// Positions after which it is asked whether looking a family's rows up pays: those of some twenty images of 28 x 28, since one that begins
/// without ids ends without.
pub const WATCHED: u64 = 16384;

/// So many times as many positions go by, where it did not pay, before it is tried again, since what is drawn may change.
const PAUSE: u64 = 8;

/// Whether rows of a family are looked up now, and for how long.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch {
    looked_up: bool,
    /// Positions until it is asked again.
    left: u64,
    /// What was spared before, in multiply-adds.
    before: u64,
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
pub struct Found {
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
    /// Positions whose row was computed and not kept: it was new, what it was computed from was, or no place was free.
    pub apart: u64,
}

/// Rows that are remembered, by what they were computed from. Their values lie elsewhere: the table says where.
#[derive(Debug)]
pub struct Table {
    parts: Vec<Part>,
    words: Vec<u32>, // [set]: a line of tags and steps, and its entries: id, depths, two a word, and at their end the key
    counts: Vec<Met>, // (family)
    end: u32,        // values that were given a place
    blanks: u32,     // one more than the last id of a row of a blank image
    blank: [u32; 2], // values that rows of blank images may have: how many more, and at first
    now: u32,        // the step; of a difference of two it is all the same whether they wrap
    first: u32,      // the first id, and what numbering begins anew with
    next: u32,
    begun: u32, // the first id that was given since the step began: nothing was computed from it, or from any after it, before
}

impl Table {
    /// An empty one of such parts, one after the other, that numbers rows from `first` on, or from after those of blank images, which may
    /// have `blank` values. Of `words`, which are 0, there are as many as the parts have, and a [`LINE`] more, so that sets begin with a line
    /// of memory; of `counts` there is one for each part.
    pub fn new(mut parts: Vec<Part>, words: Vec<u32>, counts: Vec<Met>, first: u32, blank: u32) -> Table {
        let mut end = words.as_ptr().align_offset(LINE * size_of::<u32>()).min(LINE);
        for part in &mut parts {
            part.first = end;
            end += part.sets as usize * part.set;
        }
        let mut blanks = FIRST;
        for part in &mut parts {
            (part.blank.first, part.blank.word) = (blanks, end);
            blanks += part.blank.count() as u32;
            end += part.blank.count() as usize * (part.entry - part.words);
        }
        let first = first.max(blanks);
        Table { parts, words, counts, end: 0, blanks, blank: [blank; 2], now: 0, first, next: first, begun: first }
    }

    /// Words of a family's keys.
    pub fn words(&self, family: usize) -> usize {
        self.parts[family].words
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
        self.begun = self.next;
    }

    /// Images begin: no position of any is read any more. Where ids were used up, nothing is remembered, and numbering begins anew.
    pub fn begin_images(&mut self) {
        if self.next == u32::MAX {
            self.words.fill(0);
            (self.end, self.next, self.blank[0]) = (0, self.first, self.blank[1]);
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

    /// So many positions of a family come, of some images in step: those are looked up all of whose ids are less than this, of 0 none.
    ///
    /// What is computed from an id that was given in this step was met by nothing before it: only an image beside it can. It gets an
    /// id of its own, so that all images in step share it. Of one image alone it goes without, and so do all that read it, until its own ids were
    /// met: a row that comes again and again is then known a family at a time, and nearly all that are looked up are there. Where too few are
    /// met, as in deep nets whose positions see nearly all of an image, all are computed for a while. What is met of later families counts, as
    /// their keys are made of these ids.
    pub fn limit(&mut self, family: usize, positions: usize, images: usize) -> u32 {
        let mut watch = self.parts[family].watch;
        if watch.left == 0 {
            let spared = self.parts[family..].iter().fold(0, |all: u64, part| all.wrapping_add(part.met.wrapping_mul(part.macs)));
            let too_few = watch.looked_up && spared.wrapping_sub(watch.before) < WATCHED * LOOK_UP_MACS;
            watch = Watch { looked_up: !too_few, left: if too_few { PAUSE * WATCHED } else { WATCHED }, before: spared };
        }
        watch.left = watch.left.saturating_sub(positions as u64);
        self.parts[family].watch = watch;
        match watch.looked_up {
            true if images > 1 => NONE,
            true => self.begun,
            false => 0,
        }
    }

    /// More than the ids of rows of blank images that a family may be computed from, and no others; 0 where it has none itself.
    pub fn blanks(&self, family: usize) -> u32 {
        if self.parts[family].blank.rows > 0 { self.blanks } else { 0 }
    }

    /// The row of a blank image at a position: where it lies follows from that alone.
    #[inline]
    pub fn blank(&mut self, family: usize, row: usize, column: usize, class: usize) -> Found {
        let Part { blank, entry, words, values, .. } = self.parts[family];
        let index = blank.index(row, column, class);
        let (id, at) = (blank.first + index as u32, blank.word + index * (entry - words));
        if self.words[at] > 0 {
            return Found { id, entry: Some((at, self.words[at] - 1)), is_new: false };
        }
        if self.blank[0] < values {
            return Found { id, entry: None, is_new: true };
        }
        let start = self.end;
        self.end += values;
        self.blank[0] -= values;
        self.words[at] = start + 1;
        self.put(at + 1, (at + 1..at + entry - words).map(|_| u32::MAX));
        Found { id, entry: Some((at, start)), is_new: true }
    }

    /// The row that a family makes of these ids, numbered where it is new; `None` where numbers are used up.
    #[inline]
    pub fn look_up(&mut self, family: usize, hash: u64, key: &[u32]) -> Option<Found> {
        let part = self.parts[family];
        debug_assert!(key.len() == part.words, "a key of {} words, where {} have room", key.len(), part.words);
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
            self.parts[family].met += 1;
            if way >= KEPT {
                return Some(self.keep(family, set, way));
            }
            return Some(Found { id: self.words[entry], entry: Some((entry, self.words[set + STARTS + way])), is_new: false });
        }
        if self.next == u32::MAX {
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
            return Some(Found { id, entry: None, is_new: true });
        }
        let start = self.end;
        self.end += part.values;
        self.words[set + STARTS + way] = start;
        self.put(entry + 1, (entry + 1..key_at(entry)).map(|_| u32::MAX));
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
        Found { id: self.words[to], entry: Some((to, self.words[set + STARTS + kept])), is_new: true }
    }

    /// Counts what came of a position; of `None` that it could not be looked up.
    #[inline]
    pub fn count(&mut self, family: usize, found: Option<Found>) {
        let counts = &mut self.counts[family];
        match found {
            Some(Found { entry: Some(_), is_new: false, .. }) => counts.met += 1,
            Some(Found { entry: Some(_), .. }) => counts.new += 1,
            _ => counts.apart += 1,
        }
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

/// What chooses where to look; not 0. Fewer bits than ids have: equal keys, equal hashes, and nothing the other way. A polynomial in an odd
/// number: no product waits for the one before it.
#[inline]
pub fn hash(key: &[u32]) -> u64 {
    const ODD: u64 = 0xd6e8_feb8_6659_fd93;
    let (mut sum, mut power) = (0u64, 0x9e37_79b9_7f4a_7c15u64);
    for &word in key {
        sum = sum.wrapping_add((u64::from(word) + 1).wrapping_mul(power));
        power = power.wrapping_mul(ODD);
    }
    // Tags are made of the lowest bits, which are those of the lowest of the ids.
    let mixed = (sum ^ (sum >> 32)).wrapping_mul(ODD);
    (mixed ^ (mixed >> 32)) | 1
}
