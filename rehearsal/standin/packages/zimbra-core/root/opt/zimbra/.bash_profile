[ -f ~/.bashrc ] && . ~/.bashrc
export LANG=C
export LC_ALL=C
