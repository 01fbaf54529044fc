//! Two lists of names: arguments, or the functions of a table.

use std::collections::BTreeSet;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// How two lists differ, by positions in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The first one's at this position is at that position of the second one.
    Same(usize, usize),
    /// One in the place of another.
    Replaced(usize, usize),
    /// Only in the first one; in the second it would stand before that position.
    Gone(usize, usize),
    /// Only in the second one; in the first it would stand before that position.
    New(usize, usize),
    /// The same names in another order, from these positions on.
    Order(usize, usize),
}

/// Compares names, each of which stands once in its list.
pub fn compare(first: &[&str], second: &[&str]) -> Vec<Step> {
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    if first.len() == second.len() && set(first) == set(second) {
        let mut steps: Vec<_> = (0..first.len())
            .filter_map(|old| {
                Some(Step::Same(
                    old,
                    second.iter().position(|name| *name == first[old])?,
                ))
            })
            .collect();
        if let Some(at) = (0..first.len()).find(|at| first[*at] != second[*at]) {
            steps.push(Step::Order(at, at));
        }
        return steps;
    }
    let mut steps = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, first, second) {
        let (_, old, new) = op.as_tag_tuple();
        let both = old.len().min(new.len());
        let equal = matches!(op, DiffOp::Equal { .. });
        for i in 0..both {
            let (old, new) = (old.start + i, new.start + i);
            steps.push(if equal {
                Step::Same(old, new)
            } else {
                Step::Replaced(old, new)
            });
        }
        steps.extend((old.start + both..old.end).map(|at| Step::Gone(at, new.end)));
        steps.extend((new.start + both..new.end).map(|at| Step::New(old.end, at)));
    }
    // What moved is in both halves of such a comparison.
    let moved = |name: &str| first.contains(&name) && second.contains(&name);
    let orders: Vec<(usize, usize)> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Gone(old, _) if moved(first[*old]) => {
                Some((*old, second.iter().position(|name| *name == first[*old])?))
            }
            _ => None,
        })
        .collect();
    steps.retain(|step| match step {
        Step::Gone(old, _) => !moved(first[*old]),
        Step::New(_, new) => !moved(second[*new]),
        _ => true,
    });
    for (old, new) in orders {
        steps.push(Step::Same(old, new));
        steps.push(Step::Order(old, new));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::Step::*;
    use super::*;

    #[test]
    fn every_way_to_differ() {
        let abc = ["a", "b", "c"];
        assert_eq!(compare(&abc, &abc), [Same(0, 0), Same(1, 1), Same(2, 2)]);
        assert_eq!(
            compare(&abc, &["a", "x", "c"]),
            [Same(0, 0), Replaced(1, 1), Same(2, 2)]
        );
        assert_eq!(
            compare(&abc, &["a", "c"]),
            [Same(0, 0), Gone(1, 1), Same(2, 1)]
        );
        assert_eq!(
            compare(&abc, &["a", "b", "x", "c"]),
            [Same(0, 0), Same(1, 1), New(2, 2), Same(2, 3)]
        );
        assert_eq!(
            compare(&abc, &["a", "c", "b"]),
            [Same(0, 0), Same(1, 2), Same(2, 1), Order(1, 1)]
        );
        assert_eq!(compare(&[], &["a"]), [New(0, 0)]);
        assert_eq!(compare(&["a"], &[]), [Gone(0, 0)]);
    }

    /// No two different lists are found to be the same, and what is replaced, new or gone is.
    #[test]
    fn short_lists_in_every_combination() {
        let names = ["a", "b", "c", "d"];
        let mut lists: Vec<Vec<&str>> = vec![vec![]];
        for _ in 0..4 {
            let longer: Vec<_> = lists
                .iter()
                .flat_map(|list| {
                    names
                        .iter()
                        .filter(|name| !list.contains(name))
                        .map(|name| [list.clone(), vec![*name]].concat())
                })
                .collect();
            lists.extend(longer);
            lists.sort();
            lists.dedup();
        }
        assert_eq!(lists.len(), 65);
        for first in &lists {
            for second in &lists {
                let steps = compare(first, second);
                let same = steps.iter().all(|step| matches!(step, Same(..)));
                assert_eq!(same, first == second, "{first:?} {second:?} {steps:?}");
                for step in steps {
                    match step {
                        Same(old, new) => assert_eq!(first[old], second[new]),
                        Gone(old, _) => assert!(!second.contains(&first[old])),
                        New(_, new) => assert!(!first.contains(&second[new])),
                        Order(..) | Replaced(..) => {}
                    }
                }
            }
        }
    }
}
