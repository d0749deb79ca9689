# Vivado without Vivado, under tclsh: records the commands that a script calls and answers them as
# far as the script goes on by the answer. It refuses what Vivado would refuse (files and objects
# that are not there), and leaves files where Vivado leaves them; what is in these says nothing of
# what Vivado would make.
#
# STUB_RECORD names the file that gets a line a call. STUB_FAILS names a command that fails,
# STUB_WITHOUT an IP that the catalog has not, STUB_INFERS=0 leaves all inference to the script,
# STUB_INFERS=never finds no interface at all, STUB_BOARD= has no board files, STUB_SETUP and
# STUB_HOLD are the slacks, STUB_RUN_FAILS names a run that fails, STUB_HANDOFF is none or bare.

proc setting {name default} {
    expr {[info exists ::env(STUB_$name)] ? $::env(STUB_$name) : $default}
}

proc record {name arguments} {
    set line [list $name {*}[lmap argument $arguments {string map {\n " "} $argument}]]
    set file [open $::env(STUB_RECORD) a]
    puts $file [join $line "\t"]
    close $file
    if {[setting FAILS ""] eq $name} {
        error "ERROR: $name: it failed"
    }
}

# Commands that the script calls for their effect alone.
foreach name {
    set_param set_property update_compile_order update_ip_catalog close_project
    create_bd_design connect_bd_net connect_bd_intf_net apply_bd_automation
    assign_bd_address validate_bd_design save_bd_design wait_on_run open_run
    ipx::associate_bus_interfaces ipx::create_xgui_files ipx::update_checksums ipx::check_integrity
} {
    namespace eval [namespace qualifiers $name] {}
    proc $name args "record $name \$args"
}

# Commands that find objects: an object is its name here.
foreach name {
    current_project current_fileset get_files get_runs get_bd_pins get_bd_intf_pins
    ipx::current_core
} {
    proc $name args "record $name \$args; return \[lindex \$args end\]"
}

proc positional {arguments flags} {
    set found {}
    for {set i 0} {$i < [llength $arguments]} {incr i} {
        set argument [lindex $arguments $i]
        if {[string match -* $argument]} {
            incr i [expr {$argument ni $flags}]
        } else {
            lappend found $argument
        }
    }
    return $found
}

# The value of an option.
proc option {arguments name} {
    lindex $arguments [expr {[lsearch -exact $arguments $name] + 1}]
}

proc write {file text} {
    file mkdir [file dirname $file]
    set out [open $file w]
    puts $out $text
    close $out
}

# ---- Projects and runs -----------------------------------------------------------------------

proc create_project args {
    record create_project $args
    lassign [positional $args -force] ::project ::folder
    file delete -force $::folder
    file mkdir $::folder
}

proc add_files args {
    record add_files $args
    foreach file [join [positional $args -norecurse]] {
        if {![file exists $file]} {
            error "ERROR: \[Vivado 12-172\] File or Directory '$file' does not exist"
        }
        lappend ::sources $file
    }
}

proc get_param name {
    record get_param [list $name]
    return [list "/installed boards"]
}

proc get_board_parts args {
    record get_board_parts $args
    if {[setting BOARD 1] eq ""} return
    lmap version {1.9 1.10} {string map [list * vendor. part0:* part0:$version \
        ? u] [lindex $args end]}
}

proc get_ipdefs args {
    record get_ipdefs $args
    set pattern [lindex $args end]
    if {[lindex [split $pattern :] 2] eq [setting WITHOUT ""]} return
    lmap version {9.0 10.0} {string map [list * $version] $pattern}
}

proc get_timing_paths args {
    record get_timing_paths $args
    return [expr {"-setup" in $args ? "setup_path" : "hold_path"}]
}

proc get_property {name objects} {
    record get_property [list $name $objects]
    set failed [expr {[setting RUN_FAILS ""] eq $objects}]
    switch -- $name {
        PROGRESS { return [expr {$failed ? "40%" : "100%"}] }
        STATUS { return [expr {$failed ? "synth_design ERROR" : "write_bitstream Complete!"}] }
        DIRECTORY { return $::folder/$::project.runs/$objects }
        SLACK {
            return [expr {$objects eq "setup_path" ? [setting SETUP 0.25] : [setting HOLD 0.02]}]
        }
        STARTPOINT_PIN { return system_i/conv/inst/start_reg/C }
        ENDPOINT_PIN { return system_i/conv/inst/end_reg/D }
        DATAPATH_DELAY { return 11.25 }
        LOGIC_LEVELS { return 14 }
        NAME { return $objects }
        default { error "ERROR: no property $name" }
    }
}

proc make_wrapper args {
    record make_wrapper $args
    set file $::folder/$::project.gen/sources_1/bd/system/hdl/system_wrapper.v
    write $file "module system_wrapper; endmodule"
    return $file
}

proc launch_runs args {
    record launch_runs $args
    set run [lindex $args 0]
    if {"write_bitstream" in $args && [setting RUN_FAILS ""] ne $run} {
        write $::folder/$::project.runs/$run/system_wrapper.bit "bits"
    }
}

foreach name {report_timing_summary report_utilization report_power} {
    proc $name args "
        record $name \$args
        if {!\[file isdirectory \[file dirname \[lindex \$args end\]\]\]} {
            error {ERROR: no such folder}
        }
        write \[lindex \$args end\] $name
    "
}

# ---- IP packager -----------------------------------------------------------------------------

proc ipx::package_project args {
    record ipx::package_project $args
    set ::ip [dict create root [option $args -root_dir] vendor [option $args -vendor] \
        library [option $args -library] name "" version "" maps {} registers {} usage {}]
    set top [open [lsearch -inline $::sources */$::project_top.v]]
    set ::ports [lmap {all port} [regexp -all -inline {(?:input|output) +\w+ +(?:\[\d+:0\] +)?(\w+)} \
        [read $top]] {set port}]
    close $top
    set ::buses {}
    if {[setting INFERS 1] == 1} {
        foreach port $::ports {
            if {[regexp {^(\w+)_(TVALID|ARVALID)$} $port all name]} {
                lappend ::buses $name
            }
        }
        lappend ::buses ap_clk ap_rst_n
        dict set ::ip maps s_axi_control
    }
}

rename set_property _set_property
proc set_property args {
    _set_property {*}$args
    lassign $args name value object
    switch -- $name {
        top { set ::project_top $value }
        name - version { dict set ::ip $name $value }
        usage { dict set ::ip usage $value }
        address_offset { dict set ::ip registers $object $value }
        ip_repo_paths { set ::repositories $value }
    }
}

proc ipx::get_ports {pattern args} {
    record ipx::get_ports [list $pattern {*}$args]
    return [lsearch -all -inline $::ports $pattern]
}

proc ipx::get_bus_interfaces args {
    record ipx::get_bus_interfaces $args
    set name [lindex [positional $args -quiet] 0]
    if {$name in $::buses} {
        return $name
    }
    if {"-quiet" ni $args} {
        error "ERROR: no bus interface $name"
    }
}

proc ipx::infer_bus_interface {ports type core} {
    record ipx::infer_bus_interface [list $ports $type $core]
    foreach port $ports {
        if {$port ni $::ports} {
            error "ERROR: no port $port"
        }
    }
    if {[setting INFERS 1] eq "never"} return
    if {[llength $ports] == 1} {
        lappend ::buses $ports
    } else {
        regexp {^(\w+)_[A-Z]+$} [lindex $ports 0] all name
        lappend ::buses $name
    }
}

proc ipx::get_bus_parameters args {
    record ipx::get_bus_parameters $args
}
proc ipx::add_bus_parameter {name bus} {
    record ipx::add_bus_parameter [list $name $bus]
    return $bus.$name
}
proc ipx::get_memory_maps args {
    record ipx::get_memory_maps $args
    return [lsearch -inline [dict get $::ip maps] [lindex [positional $args -quiet] 0]]
}
proc ipx::add_memory_map {name core} {
    record ipx::add_memory_map [list $name $core]
    dict set ::ip maps $name
    return $name
}
proc ipx::add_address_block {name map} {
    record ipx::add_address_block [list $name $map]
    return $name
}
proc ipx::get_address_blocks args {
    record ipx::get_address_blocks $args
    return reg0
}
proc ipx::add_register {name block} {
    record ipx::add_register [list $name $block]
    return $name
}
proc ipx::add_field {name register} {
    record ipx::add_field [list $name $register]
    return $register/$name
}

proc ipx::save_core core {
    record ipx::save_core [list $core]
    set text "<?xml version=\"1.0\"?>\n<spirit:component xmlns:spirit=\"http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009\">"
    foreach key {vendor library name version} {
        append text "<spirit:$key>[dict get $::ip $key]</spirit:$key>"
    }
    append text "<spirit:busInterfaces>"
    foreach bus $::buses {
        append text "<spirit:busInterface><spirit:name>$bus</spirit:name></spirit:busInterface>"
    }
    append text "</spirit:busInterfaces><spirit:memoryMaps><spirit:memoryMap><spirit:addressBlock>"
    dict for {name offset} [dict get $::ip registers] {
        append text "<spirit:register><spirit:name>$name</spirit:name>" \
            "<spirit:addressOffset>$offset</spirit:addressOffset></spirit:register>"
    }
    append text "</spirit:addressBlock></spirit:memoryMap></spirit:memoryMaps></spirit:component>"
    write [dict get $::ip root]/component.xml $text
    set vlnv [join [lmap key {vendor library name version} {dict get $::ip $key}] :]
    dict set ::catalog $vlnv [dict create usage [dict get $::ip usage] \
        registers [dict get $::ip registers]]
}

# ---- Block design ----------------------------------------------------------------------------

set catalog {}
proc create_bd_cell args {
    record create_bd_cell $args
    set vlnv [option $args -vlnv]
    if {![string match xilinx.com:ip:* $vlnv] && ![dict exists $::catalog $vlnv]} {
        error "ERROR: \[BD 5-216\] VLNV <$vlnv> is not supported"
    }
    set name [lindex $args end]
    dict set ::cells $name $vlnv
    return $name
}

proc generate_target args {
    record generate_target $args
    if {[setting HANDOFF 1] eq "none"} return
    set text "<EDKSYSTEM><MODULES>"
    dict for {name vlnv} $::cells {
        append text "<MODULE FULLNAME=\"/$name\" INSTANCE=\"$name\" VLNV=\"$vlnv\">"
        if {[dict exists $::catalog $vlnv] && [setting HANDOFF 1] ne "bare"} {
            set ip [dict get $::catalog $vlnv]
            append text "<ADDRESSBLOCKS><ADDRESSBLOCK USAGE=\"[dict get $ip usage]\"><REGISTERS>"
            dict for {register offset} [dict get $ip registers] {
                append text "<REGISTER NAME=\"$register\"><PROPERTY NAME=\"ADDRESS_OFFSET\"" \
                    " VALUE=\"$offset\"/></REGISTER>"
            }
            append text "</REGISTERS></ADDRESSBLOCK></ADDRESSBLOCKS>"
        }
        append text "</MODULE>"
    }
    append text "</MODULES></EDKSYSTEM>"
    write $::folder/$::project.gen/sources_1/bd/system/hw_handoff/system.hwh $text
}

set argv0 [option $argv -source]
source $argv0
