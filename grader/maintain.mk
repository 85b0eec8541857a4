# Targets for those who keep the labs; the students' tree goes without this file.

handout: ## make the students' tree: build/handout/ and a tarball
	@grader/handout

selftest: ## test the grader itself; FILTER='regex' for some of its tests
	+@unset MAKEFLAGS MFLAGS MAKELEVEL; bats $(if $(FILTER),-f "$(FILTER)") grader/selftest

soak: ## grade a reference on busy cores: LAB=lab02-shm REPEATS=50
	@grader/selftest/soak $(or $(REPEATS),50) $(or $(LAB),lab02-shm)

mutants: ## count which small changes to a solution its checks miss: LAB=lab02-shm N=100 SEED=7
	@grader/selftest/mutants "$(LAB)" $(or $(N),100) $(or $(SEED),7)

lint: ## look over every file with the linters
	@grader/lint

figures: ## print the figures of this suite, measured here
	@grader/selftest/figures

.PHONY: handout selftest soak mutants lint figures
