//! What the parts of a record are called: an arm's recipe is the smallest of them.

/// The names of a run's arms and recipes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The arms; at least one.
    pub arms: Vec<String>,
    /// The recipes of the mix; at least one.
    pub recipes: Vec<String>,
}

impl Names {
    /// Whether there is something to compare.
    pub const fn has_arms(&self) -> bool {
        self.arms.len() > 1
    }

    /// Each recipe of each arm, in the order of a record's groups: `RECIPE`, or `ARM/RECIPE` where there
    /// are several arms.
    pub fn groups(&self) -> Vec<String> {
        let group = |arm: &String, recipe: &String| {
            if self.has_arms() {
                format!("{arm}/{recipe}")
            } else {
                recipe.clone()
            }
        };
        let of_arm = |arm| self.recipes.iter().map(move |recipe| group(arm, recipe));
        self.arms.iter().flat_map(of_arm).collect()
    }

    /// The scope of a summary that has the rows of one group and no others.
    pub fn scope_of(&self, group: usize) -> String {
        let recipes = self.recipes.len().max(1);
        let (arm, recipe) = (group / recipes, group % recipes);
        match (self.has_arms(), self.recipes.len()) {
            (false, _) => format!("recipe:{}", self.recipes[recipe]),
            (true, 1) => format!("arm:{}", self.arms[arm]),
            (true, _) => format!("group:{}/{}", self.arms[arm], self.recipes[recipe]),
        }
    }

    /// The groups whose rows are those of a summary's scope, by their places.
    pub fn members(&self, scope: &str) -> Vec<usize> {
        let recipes = self.recipes.len().max(1);
        let belongs = |group: &usize| {
            let (arm, recipe) = (&self.arms[group / recipes], &self.recipes[group % recipes]);
            match scope.split_once(':') {
                None => scope == "total",
                Some(("arm", name)) => name == arm,
                Some(("recipe", name)) => name == recipe,
                Some(("group", name)) => name.split_once('/') == Some((arm, recipe)),
                Some(_) => false,
            }
        };
        let all = self.arms.len() * self.recipes.len();
        (0..all).filter(belongs).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_has_its_groups() {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let names = Names {
            arms: own(&["a", "b"]),
            recipes: own(&["x", "y/z"]),
        };
        assert_eq!(names.groups(), ["a/x", "a/y/z", "b/x", "b/y/z"]);
        assert_eq!(names.members("total"), [0, 1, 2, 3]);
        assert_eq!(names.members("arm:b"), [2, 3]);
        assert_eq!(names.members("recipe:y/z"), [1, 3]);
        for group in 0..4 {
            assert_eq!(names.members(&names.scope_of(group)), [group]);
        }
    }
}
