# The Linux process and memory labs. `make` lists what can be done here.
LABS := $(patsubst %/,%,$(wildcard lab0*/))
lab = $(filter $(1)-%,$(LABS))

help: ## this list
	@echo "make TARGET, where TARGET is one of"
	@sed -nE 's/^([a-z0-9 ]+):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | \
	  awk -F'|' '{ sub(/ .* /, " .. ", $$1); printf "%-20s%s\n", $$1, $$2 }'

setup: ## install by name what is missing (apt; sudo when not root)
	@sh grader/setup

lab01 lab02 lab03 lab04 lab05: ## build, run, grade one lab; TASK=2 or TASK=2.3 for a part
	@grader/grade --show $(if $(TASK),--task "$(TASK)") $(call lab,$@)

vm: ## make the lab VM, a guest; `make vm lab02` runs a lab in it
	@grader/vm/vm build

vm-shell: ## a shell in the lab VM, in a copy of this tree
	@grader/vm/vm shell

# in one command with them
ifneq ($(filter vm,$(MAKECMDGOALS)),)
export VM = 1
lab01 lab02 lab03 lab04 lab05 check: vm
endif

# those of lab01 and lab04 in the lab VM
demo01 demo02 demo03 demo04 demo05: ## a lab's demonstration for the classroom
	@test -e $(demo)/demo.sh || { echo "$@: $(demo) is not there yet" >&2; exit 1; }
	@$(if $(filter demo01 demo04,$@),grader/vm/vm run "$(settings) $(show)",$(show))

demo = $(call lab,$(@:demo%=lab%))
show = $(MAKE) -s -C $(demo) && bash $(demo)/demo.sh
settings = export $${PAUSE:+PAUSE=$$PAUSE} $${NO_COLOR:+NO_COLOR=1} $$(! test -t 1 || echo CLICOLOR_FORCE=1) LC_ALL=C;

plot03: ## draw VSZ and RSS over the steps of lab03
	@$(MAKE) -s -C $(call lab,lab03)
	@bash $(call lab,lab03)/plot.sh

check: ## grade every lab of this tree, or of SUBMISSION=DIR
	@grader/grade $(if $(SUBMISSION),--submission "$(SUBMISSION)") $(LABS)

doctor: ## what this machine can grade, and the remedy for the rest
	@grader/doctor

clean: ## remove what was built
	rm -rf build
	@for lab in $(LABS); do ! test -e $$lab/Makefile || $(MAKE) -s -C $$lab clean; done

.PHONY: help setup vm vm-shell plot03 check doctor clean
.PHONY: lab01 lab02 lab03 lab04 lab05 demo01 demo02 demo03 demo04 demo05

# What only the full tree can do.
-include grader/maintain.mk
