# Pulse: the extension is built with PGXS (PG_CONFIG=… picks the server), the worker with pkg-config.
PG_CONFIG ?= pg_config
export PG_CONFIG

build: packages-build    ## build the extension and the worker
	$(MAKE) -C extension
	$(MAKE) -C worker

install: build           ## install both into this machine's PostgreSQL and /usr/local
	$(MAKE) -C extension install
	$(MAKE) -C worker install

demo: packages-demo      ## a private server, a trading account and the dashboard; PORT= PRICES= SPEED=
	@tests/demo/demo.sh

check: packages-check    ## run every test; SUITE=name runs one
	@tests/lib/check.sh $(SUITE)

screenshots: packages-check build    ## take the README's pictures of the demo's account
	@tests/lib/npm.sh tests
	node tests/browser/screenshots.js worker/doc

installcheck:            ## run pg_regress against a running server that has the extension installed
	$(MAKE) -C extension installcheck

bench: packages-check    ## measure speed and latency, beside bare references in the same run
	@tests/bench/bench.sh $(BENCH)

clean:                   ## remove everything that was built
	$(MAKE) -C extension clean
	$(MAKE) -C worker clean
	rm -rf .build

help:                    ## list the targets
	@sed -n 's/^\([a-z]*\):[^#]*## */\1\t/p' $(MAKEFILE_LIST)

# Installs what a target needs and this machine lacks; PULSE_NO_INSTALL=1 never installs.
packages-%:
	@tests/lib/packages.sh $*

.PHONY: build install demo check screenshots installcheck bench clean help
