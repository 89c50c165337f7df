#!/bin/sh
# Unpack a real sshd into a folder, from Debian's packages; nothing is installed. Where there is no apt, leave it.
set -eu
folder=$1
command -v apt-get > /dev/null && command -v dpkg > /dev/null || exit 0
mkdir -p "$folder.new"
(
    cd "$folder.new"
    for package in openssh-server libwrap0 libnss-wrapper; do
        apt-get -qq -o APT::Sandbox::User=root download "$package" 2> /dev/null || exit 1
    done
    for package in *.deb; do dpkg -x "$package" . || exit 1; done
    rm -f ./*.deb
) || exit 0
rm -rf "$folder"
mv "$folder.new" "$folder"
