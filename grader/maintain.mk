# Targets for those who keep the labs; the students' tree goes without this file.

handout: ## make the students' tree: build/handout/ and a tarball
	@grader/handout

selftest: ## test the grader: FILTER=junit a part, SAMPLE=all all of it
	+@unset MAKEFLAGS MFLAGS MAKELEVEL; SAMPLE=$(or $(SAMPLE),20) bats $(if $(FILTER),-f "$(FILTER)") grader/selftest

soak: ## grade a reference on busy cores: LAB=lab02-shm REPEATS=50
	@grader/selftest/soak $(or $(REPEATS),50) $(or $(LAB),lab02-shm)

mutants: ## small changes to a solution that its checks miss: LAB= N= SEED=
	@grader/selftest/mutants "$(LAB)" $(or $(N),100) $(or $(SEED),7)

lint: ## look over every file with the linters
	@grader/lint

figures: ## print the figures of this suite, measured here
	@grader/selftest/figures

.PHONY: handout selftest soak mutants lint figures
